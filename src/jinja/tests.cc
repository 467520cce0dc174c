// "x is NAME": what Jinja's built-in tests answer.

#include <map>

#include "jinja/filters.h"

namespace puna::jinja {
namespace {

bool is_mapping(const Value& value) { return value.is_dict(); }
bool is_iterable(const Value& value) {
  return value.is_text() || value.is_sequence() || value.is_dict() || value.is_undefined();
}
bool is_sequence(const Value& value) {
  return (value.is_text() || value.is_dict() || value.is_sequence()) &&
         !(value.is_sequence() && value.sequence().kind == SequenceKind::kGenerator);
}
bool is_callable(const Value& value) { return value.is<Macro>() || value.is<Builtin>(); }

using PlainTest = bool (*)(const Value&);

const std::map<std::string_view, PlainTest>& plain_tests() {
  static const std::map<std::string_view, PlainTest> tests = {
      {"defined", [](const Value& value) { return !value.is_undefined(); }},
      {"undefined", [](const Value& value) { return value.is_undefined(); }},
      {"none", [](const Value& value) { return value.is_none(); }},
      {"boolean", [](const Value& value) { return value.is_bool(); }},
      {"true", [](const Value& value) { return value.is_bool() && is_true(value); }},
      {"false", [](const Value& value) { return value.is_bool() && !is_true(value); }},
      {"integer", [](const Value& value) { return value.is<int64_t>(); }},
      {"float", [](const Value& value) { return value.is_float(); }},
      {"number", [](const Value& value) { return value.is_number(); }},
      {"string", [](const Value& value) { return value.is_text(); }},
      {"mapping", is_mapping},
      {"iterable", is_iterable},
      {"sequence", is_sequence},
      {"callable", is_callable},
  };
  return tests;
}

// The operator that a test with one argument stands for.
const std::map<std::string_view, std::string_view>& comparing_tests() {
  static const std::map<std::string_view, std::string_view> tests = {
      {"eq", "=="}, {"equalto", "=="}, {"==", "=="},      {"ne", "!="},
      {"!=", "!="}, {"lt", "<"},       {"lessthan", "<"}, {"<", "<"},
      {"le", "<="}, {"<=", "<="},      {"gt", ">"},       {"greaterthan", ">"},
      {">", ">"},   {"ge", ">="},      {">=", ">="},      {"in", "in"},
  };
  return tests;
}

Result<bool> test_parity(std::string_view name, const Value& value) {
  if (!value.is_integer())
    return run_error("'{}' needs an integer, not {}", name, type_name(value));
  return (value.integer() % 2 == 0) == (name == "even");
}

}  // namespace

bool is_test(std::string_view name) {
  return plain_tests().contains(name) || comparing_tests().contains(name) || name == "even" ||
         name == "odd" || name == "divisibleby" || name == "sameas";
}

bool test_takes_argument(std::string_view name) {
  return comparing_tests().contains(name) || name == "divisibleby" || name == "sameas";
}

Result<bool> apply_test(std::string_view name, const Value& value, const Arguments& arguments) {
  const auto plain = plain_tests().find(name);
  if (plain != plain_tests().end()) {
    RETURN_IF_ERROR(bind(arguments, {}).status());
    return plain->second(value);
  }
  if (name == "even" || name == "odd") return test_parity(name, value);
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"other"}));
  if (bound[0] == nullptr) return run_error("'{}' needs an argument", name);
  if (name == "sameas")
    return value.held.index() == bound[0]->held.index() && equal(value, *bound[0]);
  if (name == "divisibleby") {
    if (!value.is_integer() || !bound[0]->is_integer() || bound[0]->integer() == 0) {
      return run_error("'divisibleby' needs two integers, the second not 0");
    }
    return value.integer() % bound[0]->integer() == 0;
  }
  return holds(comparing_tests().at(name), value, *bound[0]);
}

}  // namespace puna::jinja
