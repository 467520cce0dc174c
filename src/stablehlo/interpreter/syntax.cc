// Recursive descent, with a bound on every depth and count.

#include "stablehlo/interpreter/syntax.h"

#include <fmt/format.h>

#include <utility>

namespace puna::interpreter {
namespace {

constexpr int kRegionDepthMax = 4;
constexpr size_t kOperationsMax = 1 << 20;
constexpr size_t kNamesMax = 1 << 16;  // arguments, operands, results

class Parser {
 public:
  explicit Parser(std::string_view text) : cursor_(text) {}

  Result<SyntaxModule> module() {
    SyntaxModule module;
    RETURN_IF_ERROR(cursor_.expect("module"));
    if (cursor_.take("@")) RETURN_IF_ERROR(cursor_.word().status());
    if (cursor_.take("attributes")) {
      RETURN_IF_ERROR(cursor_.expect("{"));
      ASSIGN_OR_RETURN(module.attributes, parse_attributes(cursor_, "}"));
    }
    RETURN_IF_ERROR(cursor_.expect("{"));
    while (cursor_.peek() == '"') {
      ASSIGN_OR_RETURN(SyntaxOperation operation, this->operation(0));
      module.before.push_back(std::move(operation));
    }
    RETURN_IF_ERROR(function(module));
    RETURN_IF_ERROR(cursor_.expect("}"));
    if (!cursor_.at_end()) return cursor_.wrong("the end is expected");
    return module;
  }

 private:
  Status function(SyntaxModule& module) {
    RETURN_IF_ERROR(cursor_.expect("func.func public @main("));
    RETURN_IF_ERROR(arguments(module.body.arguments, ")"));
    RETURN_IF_ERROR(cursor_.expect("->"));
    RETURN_IF_ERROR(cursor_.expect("("));
    while (!cursor_.take(")")) {
      if (!module.results.empty()) RETURN_IF_ERROR(cursor_.expect(","));
      ASSIGN_OR_RETURN(NamedType result, typed(""));
      if (module.results.size() == kNamesMax) return cursor_.wrong("there are too many results");
      module.results.push_back(std::move(result));
    }
    RETURN_IF_ERROR(cursor_.expect("{"));
    return operations(module.body.operations, "}", 0);
  }

  // type [{attributes}]
  Result<NamedType> typed(std::string name) {
    NamedType value;
    value.name = std::move(name);
    ASSIGN_OR_RETURN(value.type, cursor_.type());
    if (cursor_.take("{")) {
      ASSIGN_OR_RETURN(value.attributes, parse_attributes(cursor_, "}"));
    }
    return value;
  }

  Status arguments(std::vector<NamedType>& into, std::string_view end) {
    if (cursor_.take(end)) return {};
    do {
      ASSIGN_OR_RETURN(std::string name, value_name());
      RETURN_IF_ERROR(cursor_.expect(":"));
      ASSIGN_OR_RETURN(NamedType argument, typed(std::move(name)));
      if (into.size() == kNamesMax) return cursor_.wrong("there are too many arguments");
      into.push_back(std::move(argument));
    } while (cursor_.take(","));
    return cursor_.expect(end);
  }

  // "%name" or "%name#0".
  Result<std::string> value_name() {
    RETURN_IF_ERROR(cursor_.expect("%"));
    ASSIGN_OR_RETURN(std::string name, cursor_.word());
    if (cursor_.take("#")) {
      ASSIGN_OR_RETURN(const int64_t index, cursor_.integer());
      name += fmt::format("#{}", index);
    }
    return "%" + name;
  }

  Status operations(std::vector<SyntaxOperation>& into, std::string_view end, int depth) {
    while (!cursor_.take(end)) {
      ASSIGN_OR_RETURN(SyntaxOperation operation, this->operation(depth));
      into.push_back(std::move(operation));
      if (++operation_count_ > kOperationsMax)
        return cursor_.wrong("there are too many operations");
    }
    return {};
  }

  Result<SyntaxOperation> operation(int depth) {
    SyntaxOperation operation;
    RETURN_IF_ERROR(results(operation));
    operation.line = cursor_.line();
    if (operation.results.empty() && cursor_.take("return")) {
      operation.name = "func.return";
      RETURN_IF_ERROR(names(operation.operands, ":"));
      do {
        ASSIGN_OR_RETURN(const Type type, cursor_.type());
        operation.operand_types.push_back(type);
      } while (cursor_.take(","));
      return operation;
    }
    ASSIGN_OR_RETURN(operation.name, cursor_.quoted());
    RETURN_IF_ERROR(cursor_.expect("("));
    RETURN_IF_ERROR(names(operation.operands, ")"));
    if (cursor_.take("(")) {
      if (depth == kRegionDepthMax) return cursor_.wrong("regions are nested too deeply");
      RETURN_IF_ERROR(region(operation, depth + 1));
      RETURN_IF_ERROR(cursor_.expect(")"));
    }
    if (cursor_.take("{")) {
      ASSIGN_OR_RETURN(operation.attributes, parse_attributes(cursor_, "}"));
    }
    RETURN_IF_ERROR(cursor_.expect(":"));
    RETURN_IF_ERROR(types(operation.operand_types));
    RETURN_IF_ERROR(cursor_.expect("->"));
    RETURN_IF_ERROR(types(operation.result_types));
    return operation;
  }

  // [%name [:count] =]
  Status results(SyntaxOperation& operation) {
    if (cursor_.peek() != '%') return {};
    ASSIGN_OR_RETURN(const std::string name, value_name());
    operation.results.push_back(name);
    if (cursor_.take(":")) {
      ASSIGN_OR_RETURN(const int64_t count, cursor_.integer());
      if (count < 1 || count > static_cast<int64_t>(kNamesMax)) {
        return cursor_.wrong("that many results are not possible");
      }
      operation.results.clear();
      for (int64_t i = 0; i < count; ++i)
        operation.results.push_back(fmt::format("{}#{}", name, i));
    }
    return cursor_.expect("=");
  }

  Status names(std::vector<std::string>& into, std::string_view end) {
    if (cursor_.take(end)) return {};
    do {
      ASSIGN_OR_RETURN(std::string name, value_name());
      if (into.size() == kNamesMax) return cursor_.wrong("there are too many operands");
      into.push_back(std::move(name));
    } while (cursor_.take(","));
    return cursor_.expect(end);
  }

  // One type, or "(…)" of any number.
  Status types(std::vector<Type>& into) {
    if (!cursor_.take("(")) {
      ASSIGN_OR_RETURN(const Type type, cursor_.type());
      into.push_back(type);
      return {};
    }
    if (cursor_.take(")")) return {};
    do {
      ASSIGN_OR_RETURN(const Type type, cursor_.type());
      if (into.size() == kNamesMax) return cursor_.wrong("there are too many types");
      into.push_back(type);
    } while (cursor_.take(","));
    return cursor_.expect(")");
  }

  // "{ ^bb0(…): … }"
  Status region(SyntaxOperation& operation, int depth) {
    SyntaxRegion region;
    RETURN_IF_ERROR(cursor_.expect("{"));
    if (cursor_.take("^")) {
      RETURN_IF_ERROR(cursor_.word().status());
      RETURN_IF_ERROR(cursor_.expect("("));
      RETURN_IF_ERROR(arguments(region.arguments, ")"));
      RETURN_IF_ERROR(cursor_.expect(":"));
    }
    RETURN_IF_ERROR(operations(region.operations, "}", depth));
    operation.regions.push_back(std::move(region));
    return {};
  }

  TextCursor cursor_;
  size_t operation_count_ = 0;
};

}  // namespace

Result<SyntaxModule> parse_syntax(std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return invalid_argument("the text has {} bytes, at most {} are read", text.size(),
                            kTextBytesMax);
  }
  return Parser(text).module();
}

}  // namespace puna::interpreter
