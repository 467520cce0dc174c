// Statements: text out, variables in frames. A loop and a macro have a frame of their own, an if
// has none, as in Jinja.

#include "jinja/renderer.h"

#include "jinja/evaluator.h"
#include "jinja/filters.h"
#include "jinja/lexer.h"

namespace puna::jinja {
namespace {

enum class Flow { kNext, kBreak, kContinue };

class Renderer final : public Evaluator {
 public:
  using Evaluator::Evaluator;

  Result<MarkedText> run(const Block& program) {
    MarkedText out;
    RETURN_IF_ERROR(run_block(program, out).status());
    return out;
  }

 private:
  Result<Flow> run_block(const Block& block, MarkedText& out) {
    for (const Statement& statement : block) {
      RETURN_IF_ERROR(charge(1, statement.at));
      ASSIGN_OR_RETURN(const Flow flow, run_statement(statement, out));
      if (flow != Flow::kNext) return flow;
    }
    return Flow::kNext;
  }

  Result<Flow> run_statement(const Statement& statement, MarkedText& out) {
    switch (statement.kind) {
      case StatementKind::kText:
        return append(MarkedText(statement.text), statement.at, out);
      case StatementKind::kOutput: {
        ASSIGN_OR_RETURN(const Value value, evaluate(*statement.expression));
        RETURN_IF_ERROR(charge(deep_size(value), statement.at));
        return append(to_text(value), statement.at, out);
      }
      case StatementKind::kIf:
        return run_if(statement, out);
      case StatementKind::kFor:
        return run_for(statement, out);
      case StatementKind::kSet: {
        ASSIGN_OR_RETURN(const Value value, evaluate(*statement.expression));
        return assign(statement, value);
      }
      case StatementKind::kSetBlock:
      case StatementKind::kFilter:
        return run_captured(statement, out);
      case StatementKind::kMacro: {
        Value macro;
        macro.held = Macro{&statement};
        frames_.back()[statement.names[0]] = macro;
        return Flow::kNext;
      }
      case StatementKind::kScope:
        return run_scope(statement, out);
      case StatementKind::kBreak:
        return Flow::kBreak;
      case StatementKind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kNext;
  }

  Result<Flow> append(const MarkedText& text, Position position, MarkedText& out) {
    RETURN_IF_ERROR(charge(text.size(), position));
    if (out.size() + text.size() > kTextBytesMax) {
      return at(position, run_error("more than {} bytes of output", kTextBytesMax));
    }
    out.append(text);
    return Flow::kNext;
  }

  Result<Flow> run_if(const Statement& statement, MarkedText& out) {
    for (const Branch& branch : statement.branches) {
      if (branch.condition != nullptr) {
        ASSIGN_OR_RETURN(const Value condition, evaluate(*branch.condition));
        if (!is_true(condition)) continue;
      }
      return run_block(branch.body, out);
    }
    return Flow::kNext;
  }

  // Gives the names of a statement their parts of `value`: one name, or as many as the value has.
  Status unpack(const Statement& statement, const Value& value) {
    if (statement.names.size() == 1) {
      frames_.back()[statement.names[0]] = value;
      return {};
    }
    const auto parts = iterate(value);
    if (!parts.ok()) return at(statement.at, parts.status());
    if ((*parts)->items.size() != statement.names.size()) {
      return at(statement.at, run_error("{} values for {} names", (*parts)->items.size(),
                                        statement.names.size()));
    }
    for (size_t i = 0; i < statement.names.size(); ++i) {
      frames_.back()[statement.names[i]] = (*parts)->items[i];
    }
    return {};
  }

  Result<Flow> assign(const Statement& statement, const Value& value) {
    if (statement.space.empty()) {
      RETURN_IF_ERROR(unpack(statement, value));
      return Flow::kNext;
    }
    for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
      const auto found = frame->find(statement.space);
      if (found == frame->end()) continue;
      if (!found->second.is<NamespaceRef>()) break;
      namespaces_[std::get<NamespaceRef>(found->second.held).index][statement.names[0]] = value;
      return Flow::kNext;
    }
    return at(statement.at, run_error("'{}' is no namespace", statement.space));
  }

  Result<Flow> run_for(const Statement& statement, MarkedText& out) {
    ASSIGN_OR_RETURN(const Value list, evaluate(*statement.expression));
    auto items = iterate(list);
    if (!items.ok()) return at(statement.at, items.status());
    RETURN_IF_ERROR(charge((*items)->items.size(), statement.at));
    frames_.emplace_back();
    ++loop_depth_;
    auto flow = run_loop(statement, *items, out);
    --loop_depth_;
    frames_.pop_back();
    return flow;
  }

  // The items that the loop's own condition leaves.
  Result<std::shared_ptr<const Sequence>> filtered(const Statement& statement,
                                                   std::shared_ptr<const Sequence> items) {
    if (statement.condition == nullptr) return items;
    std::vector<Value> kept;
    for (const Value& item : items->items) {
      RETURN_IF_ERROR(unpack(statement, item));
      ASSIGN_OR_RETURN(const Value condition, evaluate(*statement.condition));
      if (is_true(condition)) kept.push_back(item);
    }
    return iterate(make_list(std::move(kept)));
  }

  Result<Flow> run_loop(const Statement& statement, std::shared_ptr<const Sequence> all,
                        MarkedText& out) {
    ASSIGN_OR_RETURN(const auto items, filtered(statement, std::move(all)));
    if (items->items.empty()) {
      frames_.back().clear();
      return run_block(statement.otherwise, out);
    }
    for (size_t i = 0; i < items->items.size(); ++i) {
      frames_.back().clear();  // what a round sets, the next one does not see
      RETURN_IF_ERROR(unpack(statement, items->items[i]));
      Value loop;
      loop.held = std::make_shared<const LoopState>(LoopState{items, i, loop_depth_});
      frames_.back()["loop"] = loop;
      ASSIGN_OR_RETURN(const Flow flow, run_block(statement.body, out));
      if (flow == Flow::kBreak) break;
    }
    return Flow::kNext;
  }

  Result<Flow> run_captured(const Statement& statement, MarkedText& out) {
    MarkedText text;
    frames_.emplace_back();
    auto flow = run_block(statement.body, text);
    frames_.pop_back();
    RETURN_IF_ERROR(flow.status());
    Value value = make_text(std::move(text));
    if (statement.filter != nullptr) {
      ASSIGN_OR_RETURN(value, evaluate_over(*statement.filter, value));
    }
    if (statement.kind == StatementKind::kSetBlock) return assign(statement, value);
    return append(to_text(value), statement.at, out);
  }

  Result<Flow> run_scope(const Statement& statement, MarkedText& out) {
    Variables scope;
    for (size_t i = 0; i < statement.names.size(); ++i) {
      ASSIGN_OR_RETURN(scope[statement.names[i]], evaluate(*statement.values[i]));
    }
    frames_.push_back(std::move(scope));
    auto flow = run_block(statement.body, out);
    frames_.pop_back();
    return flow;
  }

  // A macro sees the template's own variables and its parameters.
  Result<Value> call_macro(const Statement& macro, const Arguments& arguments,
                           Position position) override {
    if (macro_depth_ == kMacroDepthMax) {
      return at(position, run_error("macros call each other more than {} deep", kMacroDepthMax));
    }
    ASSIGN_OR_RETURN(Variables frame, macro_frame(macro, arguments, position));
    std::vector<Variables> callers(std::make_move_iterator(frames_.begin() + 1),
                                   std::make_move_iterator(frames_.end()));
    frames_.resize(1);
    frames_.push_back(std::move(frame));
    ++macro_depth_;
    MarkedText out;
    const auto flow = run_block(macro.body, out);
    --macro_depth_;
    frames_.resize(1);
    frames_.insert(frames_.end(), std::make_move_iterator(callers.begin()),
                   std::make_move_iterator(callers.end()));
    RETURN_IF_ERROR(flow.status());
    return make_text(std::move(out));
  }

  Result<Variables> macro_frame(const Statement& macro, const Arguments& arguments,
                                Position position) {
    Variables frame;
    const auto& parameters = macro.parameters;
    if (arguments.positional.size() > parameters.size()) {
      return at(position, run_error("{} arguments for a macro of {}", arguments.positional.size(),
                                    parameters.size()));
    }
    for (const Parameter& parameter : parameters) {
      frame[parameter.name] = make_undefined(parameter.name);
      if (parameter.default_value == nullptr) continue;
      ASSIGN_OR_RETURN(frame[parameter.name], evaluate(*parameter.default_value));
    }
    for (size_t i = 0; i < arguments.positional.size(); ++i) {
      frame[parameters[i].name] = arguments.positional[i];
    }
    for (const auto& [name, value] : arguments.named) {
      if (!frame.contains(name)) {
        return at(position, run_error("the macro has no parameter '{}'", name));
      }
      frame[name] = value;
    }
    return frame;
  }

  int loop_depth_ = 0;
  int macro_depth_ = 0;
};

}  // namespace

Result<MarkedText> render(const Block& program, Variables variables) {
  for (const char* name : {"range", "namespace", "dict", "raise_exception", "strftime_now"}) {
    Value function;
    function.held = Builtin{name};
    variables.try_emplace(name, function);
  }
  return Renderer(std::move(variables)).run(program);
}

}  // namespace puna::jinja
