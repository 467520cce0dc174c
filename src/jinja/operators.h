// Operators, subscripts and methods of template values: pure functions with Python's results.
//
// Errors carry no position; the renderer adds it. Sizes are checked before anything grows.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "jinja/value.h"

namespace puna::jinja {

// The arguments of a call, evaluated.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};
// One pointer per parameter, null where the call gave nothing. An error for too many arguments or a
// name that is no parameter.
Result<std::vector<const Value*>> bind(const Arguments& arguments,
                                       std::initializer_list<std::string_view> parameters);

// kFailedPrecondition: what goes wrong while a template runs.
template <typename... Args>
Status run_error(fmt::format_string<Args...> format, Args&&... args) {
  return error(StatusCode::kFailedPrecondition, format, std::forward<Args>(args)...);
}
// An error when a value that must be there is undefined.
Status check_defined(const Value& value);

// name: + - * / // % **
Result<Value> arithmetic(std::string_view name, const Value& a, const Value& b);
Result<Value> negate(const Value& value);
// name: == != < <= > >= in "not in"
Result<bool> holds(std::string_view name, const Value& a, const Value& b);

// value[key]; undefined where there is no such item.
Result<Value> get_item(const Value& value, const Value& key);
// value.name of a dict or loop; undefined where there is none.
Result<Value> get_attribute(const Value& value, std::string_view name);
// value["a"]["b"] for a dotted "a.b", as the attribute= argument of filters takes it.
Result<Value> get_path(const Value& value, std::string_view path);
// value[start:stop:step]; null bounds are left out.
Result<Value> slice(const Value& value, const Value* start, const Value* stop, const Value* step);

// What a for loop or a list filter goes through: items, keys of a dict, characters of a text.
Result<std::shared_ptr<const Sequence>> iterate(const Value& value);

bool is_method(const Value& receiver, std::string_view name);
Result<Value> call_method(const Value& receiver, std::string_view name, const Arguments& arguments);

Result<Value> list_of_texts(std::vector<MarkedText> texts);

}  // namespace puna::jinja
