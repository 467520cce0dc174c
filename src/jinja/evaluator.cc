// One function for each kind of expression. Operators' errors get their position here.

#include "jinja/evaluator.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "jinja/filters.h"
#include "jinja/lexer.h"

namespace puna::jinja {
namespace {

constexpr int64_t kRangeItemsMax = 100'000;

Result<Value> make_range(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"start", "stop", "step"}));
  int64_t numbers[] = {0, 0, 1};
  for (size_t i = 0; i < 3; ++i) {
    if (bound[i] == nullptr) continue;
    if (!bound[i]->is_integer()) return run_error("range() needs integers");
    numbers[i] = bound[i]->integer();
  }
  if (bound[0] == nullptr) return run_error("range() needs a number");
  if (bound[1] == nullptr) std::swap(numbers[0], numbers[1]);
  const auto [start, stop, step] = numbers;
  if (step == 0) return run_error("range() with step 0");
  std::vector<Value> items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step) {
    if (static_cast<int64_t>(items.size()) == kRangeItemsMax) {
      return run_error("a range of more than {} numbers", kRangeItemsMax);
    }
    items.push_back(make_integer(i));
    if (std::abs(i) > INT64_MAX / 2) return run_error("a range of very large numbers");
  }
  return make_list(std::move(items), SequenceKind::kRange);
}

Result<Value> format_now(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"format"}));
  if (bound[0] == nullptr || !bound[0]->is_text()) return run_error("strftime_now() needs a text");
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[256];
  const size_t size = std::strftime(text, sizeof text, bound[0]->text().bytes().c_str(), &local);
  return make_text(std::string_view(text, size));
}

Result<Value> dict_of(const Arguments& arguments) {
  if (!arguments.positional.empty()) return run_error("dict() takes named arguments only");
  std::vector<std::pair<Value, Value>> entries;
  for (const auto& [name, value] : arguments.named) entries.emplace_back(make_text(name), value);
  return make_dict(std::move(entries));
}

}  // namespace

Status Evaluator::at(Position position, const Status& status) {
  if (status.code() != StatusCode::kFailedPrecondition) return status;
  return Status(status.code(), template_error(position, status.message()).message());
}

Status Evaluator::charge(size_t steps, Position position) {
  steps_ += std::min(steps, kRenderStepsMax);
  if (steps_ <= kRenderStepsMax) return {};
  return at(position, run_error("the template does more than {} steps", kRenderStepsMax));
}

const Value* Evaluator::find_variable(std::string_view name) const {
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
    const auto found = frame->find(name);
    if (found != frame->end()) return &found->second;
  }
  return nullptr;
}

Result<Value> Evaluator::evaluate(const Expression& expression) {
  RETURN_IF_ERROR(charge(1, expression.at));
  ASSIGN_OR_RETURN(Value value, evaluate_kind(expression));
  // Names and constants are shared, everything else was made just now.
  const bool is_made =
      expression.kind != ExpressionKind::kName && expression.kind != ExpressionKind::kLiteral &&
      expression.kind != ExpressionKind::kAttribute && expression.kind != ExpressionKind::kItem;
  if (is_made) RETURN_IF_ERROR(charge(shallow_size(value), expression.at));
  return value;
}

Result<Value> Evaluator::evaluate_over(const Expression& filter, const Value& block_text) {
  const Value* outer = std::exchange(block_text_, &block_text);
  auto value = evaluate(filter);
  block_text_ = outer;
  return value;
}

Result<Value> Evaluator::evaluate_kind(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kLiteral:
      return expression.literal;
    case ExpressionKind::kName: {
      const Value* found = find_variable(expression.name);
      return found == nullptr ? make_undefined(expression.name) : *found;
    }
    case ExpressionKind::kList:
    case ExpressionKind::kTuple: {
      ASSIGN_OR_RETURN(std::vector<Value> items, evaluate_all(expression.operands));
      return make_list(std::move(items), expression.kind == ExpressionKind::kList
                                             ? SequenceKind::kList
                                             : SequenceKind::kTuple);
    }
    case ExpressionKind::kDict:
      return evaluate_dict(expression);
    case ExpressionKind::kAttribute:
    case ExpressionKind::kItem:
      return evaluate_attribute(expression);
    case ExpressionKind::kSlice:
      return evaluate_slice(expression);
    case ExpressionKind::kCall:
      return evaluate_call(expression);
    case ExpressionKind::kFilter:
    case ExpressionKind::kTest:
      return evaluate_filter(expression);
    case ExpressionKind::kConcat:
      return evaluate_concat(expression);
    case ExpressionKind::kCompare:
      return evaluate_compare(expression);
    case ExpressionKind::kNegate:
    case ExpressionKind::kPlus:
    case ExpressionKind::kArithmetic:
      return evaluate_binary(expression);
    default:
      return evaluate_logic(expression);
  }
}

Result<std::vector<Value>> Evaluator::evaluate_all(const std::vector<ExpressionPtr>& expressions) {
  std::vector<Value> values;
  for (const ExpressionPtr& expression : expressions) {
    ASSIGN_OR_RETURN(Value value, evaluate(*expression));
    values.push_back(std::move(value));
  }
  return values;
}

Result<Arguments> Evaluator::evaluate_arguments(const std::vector<Argument>& arguments) {
  Arguments evaluated;
  for (const Argument& argument : arguments) {
    ASSIGN_OR_RETURN(Value value, evaluate(*argument.value));
    if (argument.name.empty()) {
      evaluated.positional.push_back(std::move(value));
    } else {
      evaluated.named.emplace_back(argument.name, std::move(value));
    }
  }
  return evaluated;
}

Result<Value> Evaluator::evaluate_dict(const Expression& expression) {
  ASSIGN_OR_RETURN(const std::vector<Value> parts, evaluate_all(expression.operands));
  std::vector<std::pair<Value, Value>> entries;
  for (size_t i = 0; i + 1 < parts.size(); i += 2) {
    const auto same = [&](const auto& entry) { return equal(entry.first, parts[i]); };
    const auto found = std::find_if(entries.begin(), entries.end(), same);
    if (found != entries.end()) {
      found->second = parts[i + 1];
    } else {
      entries.emplace_back(parts[i], parts[i + 1]);
    }
  }
  return make_dict(std::move(entries));
}

Result<Value> Evaluator::evaluate_attribute(const Expression& expression) {
  ASSIGN_OR_RETURN(const Value value, evaluate(*expression.operands[0]));
  Value key = make_text(expression.name);
  if (expression.kind == ExpressionKind::kItem) {
    ASSIGN_OR_RETURN(key, evaluate(*expression.operands[1]));
  }
  if (value.is<NamespaceRef>()) {
    const Variables& variables = namespaces_[std::get<NamespaceRef>(value.held).index];
    const auto found = variables.find(to_text(key).bytes());
    return found == variables.end() ? make_undefined(to_text(key).bytes()) : found->second;
  }
  // Finding a character or a key may look at all of the value.
  RETURN_IF_ERROR(charge(shallow_size(value) / 16, expression.at));
  auto found = expression.kind == ExpressionKind::kItem ? get_item(value, key)
                                                        : get_attribute(value, expression.name);
  return found.ok() ? found : at(expression.at, found.status());
}

Result<Value> Evaluator::evaluate_slice(const Expression& expression) {
  std::vector<Value> parts(4);
  const Value* bounds[4] = {};
  for (size_t i = 0; i < expression.operands.size(); ++i) {
    if (expression.operands[i] == nullptr) continue;
    ASSIGN_OR_RETURN(parts[i], evaluate(*expression.operands[i]));
    bounds[i] = &parts[i];
  }
  auto result = slice(parts[0], bounds[1], bounds[2], bounds[3]);
  return result.ok() ? result : at(expression.at, result.status());
}

Result<Value> Evaluator::evaluate_call(const Expression& expression) {
  const Expression& callee = *expression.operands[0];
  if (callee.kind == ExpressionKind::kAttribute) {
    ASSIGN_OR_RETURN(const Value receiver, evaluate(*callee.operands[0]));
    if (is_method(receiver, callee.name)) {
      ASSIGN_OR_RETURN(const Arguments arguments, evaluate_arguments(expression.arguments));
      RETURN_IF_ERROR(charge(shallow_size(receiver), expression.at));
      auto result = call_method(receiver, callee.name, arguments);
      return result.ok() ? result : at(expression.at, result.status());
    }
  }
  ASSIGN_OR_RETURN(const Value called, evaluate(callee));
  ASSIGN_OR_RETURN(const Arguments arguments, evaluate_arguments(expression.arguments));
  if (called.is<Macro>()) {
    return call_macro(*std::get<Macro>(called.held).definition, arguments, expression.at);
  }
  if (called.is<Builtin>()) {
    return call_builtin(std::get<Builtin>(called.held).name, arguments, expression.at);
  }
  if (const Status status = check_defined(called); !status.ok()) {
    return at(expression.at, status);
  }
  return at(expression.at, run_error("{} cannot be called", type_name(called)));
}

Result<Value> Evaluator::call_builtin(std::string_view name, const Arguments& arguments,
                                      Position position) {
  Result<Value> result = make_none();
  if (name == "range") {
    result = make_range(arguments);
  } else if (name == "dict") {
    result = dict_of(arguments);
  } else if (name == "strftime_now") {
    result = format_now(arguments);
  } else if (name == "namespace") {
    if (!arguments.positional.empty()) {
      return at(position, run_error("namespace() takes named arguments only"));
    }
    Variables variables;
    for (const auto& [key, value] : arguments.named) variables[key] = value;
    namespaces_.push_back(std::move(variables));
    Value reference;
    reference.held = NamespaceRef{namespaces_.size() - 1};
    return reference;
  } else {  // raise_exception
    const bool has_words = arguments.positional.size() == 1;
    return invalid_argument("{}", has_words ? to_text(arguments.positional[0]).bytes()
                                            : "the chat template refuses this conversation");
  }
  return result.ok() ? result : at(position, result.status());
}

Result<Value> Evaluator::evaluate_filter(const Expression& expression) {
  Value subject;
  if (expression.operands[0] != nullptr) {
    ASSIGN_OR_RETURN(subject, evaluate(*expression.operands[0]));
  } else {
    subject = *block_text_;
  }
  ASSIGN_OR_RETURN(const Arguments arguments, evaluate_arguments(expression.arguments));
  RETURN_IF_ERROR(charge(deep_size(subject), expression.at));
  if (expression.kind == ExpressionKind::kTest) {
    const auto result = apply_test(expression.name, subject, arguments);
    if (!result.ok()) return at(expression.at, result.status());
    return make_bool(*result);
  }
  auto result = apply_filter(expression.name, subject, arguments);
  return result.ok() ? result : at(expression.at, result.status());
}

Result<Value> Evaluator::evaluate_binary(const Expression& expression) {
  ASSIGN_OR_RETURN(const Value left, evaluate(*expression.operands[0]));
  if (expression.kind != ExpressionKind::kArithmetic) {
    auto result = expression.kind == ExpressionKind::kNegate
                      ? negate(left)
                      : arithmetic("+", make_integer(0), left);
    return result.ok() ? result : at(expression.at, result.status());
  }
  ASSIGN_OR_RETURN(const Value right, evaluate(*expression.operands[1]));
  auto result = arithmetic(expression.name, left, right);
  return result.ok() ? result : at(expression.at, result.status());
}

Result<Value> Evaluator::evaluate_concat(const Expression& expression) {
  ASSIGN_OR_RETURN(const std::vector<Value> parts, evaluate_all(expression.operands));
  MarkedText text;
  for (const Value& part : parts) {
    RETURN_IF_ERROR(charge(deep_size(part), expression.at));
    text.append(to_text(part));
    if (text.size() > kTextBytesMax) {
      return at(expression.at, run_error("a text of more than {} bytes", kTextBytesMax));
    }
  }
  return make_text(std::move(text));
}

// a < b < c: each value is evaluated once, the first false comparison ends it.
Result<Value> Evaluator::evaluate_compare(const Expression& expression) {
  ASSIGN_OR_RETURN(Value left, evaluate(*expression.operands[0]));
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    ASSIGN_OR_RETURN(Value right, evaluate(*expression.operands[i + 1]));
    RETURN_IF_ERROR(charge(deep_size(right), expression.at));
    const auto result = holds(expression.operators[i], left, right);
    if (!result.ok()) return at(expression.at, result.status());
    if (!*result) return make_bool(false);
    left = std::move(right);
  }
  return make_bool(true);
}

Result<Value> Evaluator::evaluate_logic(const Expression& expression) {
  const ExpressionKind kind = expression.kind;
  if (kind == ExpressionKind::kConditional) {
    ASSIGN_OR_RETURN(const Value condition, evaluate(*expression.operands[0]));
    if (is_true(condition)) return evaluate(*expression.operands[1]);
    if (expression.operands[2] == nullptr) return make_undefined("the else of a condition");
    return evaluate(*expression.operands[2]);
  }
  ASSIGN_OR_RETURN(Value left, evaluate(*expression.operands[0]));
  if (kind == ExpressionKind::kNot) return make_bool(!is_true(left));
  // Python's: the value that decides, not its truth.
  if (is_true(left) == (kind == ExpressionKind::kOr)) return left;
  return evaluate(*expression.operands[1]);
}

}  // namespace puna::jinja
