// Arithmetic, comparison and membership of template values.

#include "jinja/operators.h"

#include <algorithm>
#include <cmath>

namespace puna::jinja {
namespace {

Status bad_operands(std::string_view name, const Value& a, const Value& b) {
  RETURN_IF_ERROR(check_defined(a));
  RETURN_IF_ERROR(check_defined(b));
  return run_error("'{}' does not work on {} and {}", name, type_name(a), type_name(b));
}

Result<int64_t> floor_divide(int64_t a, int64_t b) {
  if (b == 0) return run_error("division by zero");
  if (a == INT64_MIN && b == -1) return run_error("a number beyond 64 bits");
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

Result<int64_t> integer_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (int64_t i = 0; i < exponent && result != 0; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) {
      return run_error("a number beyond 64 bits");
    }
    if (base == 1) break;
    if (base == -1) return exponent % 2 == 0 ? int64_t{1} : int64_t{-1};
  }
  return result;
}

Result<Value> integer_arithmetic(std::string_view name, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (name == "+") {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (name == "-") {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (name == "*") {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else if (name == "/") {
    if (b == 0) return run_error("division by zero");
    return make_float(static_cast<double>(a) / static_cast<double>(b));
  } else if (name == "**") {
    if (b < 0) return make_float(std::pow(static_cast<double>(a), static_cast<double>(b)));
    ASSIGN_OR_RETURN(result, integer_power(a, b));
  } else {
    ASSIGN_OR_RETURN(const int64_t quotient, floor_divide(a, b));
    result = name == "//" ? quotient : a - quotient * b;
  }
  if (overflow) return run_error("a number beyond 64 bits");
  return make_integer(result);
}

Result<Value> float_arithmetic(std::string_view name, double a, double b) {
  if (name == "+") return make_float(a + b);
  if (name == "-") return make_float(a - b);
  if (name == "*") return make_float(a * b);
  if (name == "**") return make_float(std::pow(a, b));
  if (b == 0) return run_error("division by zero");
  if (name == "/") return make_float(a / b);
  if (name == "//") return make_float(std::floor(a / b));
  return make_float(a - b * std::floor(a / b));
}

Result<Value> join_texts(const MarkedText& a, const MarkedText& b) {
  if (a.size() + b.size() > kTextBytesMax) {
    return run_error("a text of more than {} bytes", kTextBytesMax);
  }
  MarkedText sum;
  sum.reserve(a.size() + b.size());
  sum.append(a);
  sum.append(b);
  return make_text(std::move(sum));
}

Result<Value> repeat_text(const MarkedText& text, int64_t count) {
  MarkedText result;
  if (count <= 0 || text.empty()) return make_text(std::move(result));
  if (static_cast<uint64_t>(count) > kTextBytesMax / text.size()) {
    return run_error("a text of more than {} bytes", kTextBytesMax);
  }
  for (int64_t i = 0; i < count; ++i) result.append(text);
  return make_text(std::move(result));
}

Result<bool> contains(const Value& container, const Value& item) {
  if (container.is_text()) {
    if (!item.is_text()) return run_error("'in <str>' needs a str, not {}", type_name(item));
    return container.text().bytes().find(item.text().bytes()) != std::string::npos;
  }
  if (container.is_dict()) return find(container.dict(), item) != nullptr;
  if (container.is_sequence()) {
    const std::vector<Value>& items = container.sequence().items;
    return std::any_of(items.begin(), items.end(),
                       [&](const Value& other) { return equal(other, item); });
  }
  if (container.is_undefined()) return false;
  return run_error("'in' does not work on {}", type_name(container));
}

}  // namespace

Result<std::vector<const Value*>> bind(const Arguments& arguments,
                                       std::initializer_list<std::string_view> parameters) {
  if (arguments.positional.size() > parameters.size()) {
    return run_error("{} arguments, at most {}", arguments.positional.size(), parameters.size());
  }
  std::vector<const Value*> bound(parameters.size(), nullptr);
  for (size_t i = 0; i < arguments.positional.size(); ++i) bound[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(parameters.begin(), parameters.end(), name);
    if (found == parameters.end()) return run_error("no argument named '{}'", name);
    const Value*& place = bound[static_cast<size_t>(found - parameters.begin())];
    if (place != nullptr) return run_error("two values for the argument '{}'", name);
    place = &value;
  }
  return bound;
}

Status check_defined(const Value& value) {
  if (!value.is_undefined()) return {};
  return run_error("'{}' is undefined", std::get<Undefined>(value.held).name);
}

Result<Value> arithmetic(std::string_view name, const Value& a, const Value& b) {
  if (a.is_integer() && b.is_integer()) return integer_arithmetic(name, a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return float_arithmetic(name, a.number(), b.number());
  if (name == "+" && a.is_text() && b.is_text()) return join_texts(a.text(), b.text());
  if (name == "*" && a.is_text() && b.is_integer()) return repeat_text(a.text(), b.integer());
  if (name == "*" && a.is_integer() && b.is_text()) return repeat_text(b.text(), a.integer());
  if (name == "+" && a.is_sequence() && b.is_sequence() && a.sequence().kind == b.sequence().kind &&
      a.sequence().kind != SequenceKind::kGenerator) {
    std::vector<Value> items = a.sequence().items;
    const std::vector<Value>& more = b.sequence().items;
    items.insert(items.end(), more.begin(), more.end());
    return make_list(std::move(items), a.sequence().kind);
  }
  return bad_operands(name, a, b);
}

Result<Value> negate(const Value& value) {
  if (value.is_float()) return make_float(-value.number());
  if (value.is_integer()) return integer_arithmetic("-", 0, value.integer());
  RETURN_IF_ERROR(check_defined(value));
  return run_error("'-' does not work on {}", type_name(value));
}

Result<bool> holds(std::string_view name, const Value& a, const Value& b) {
  if (name == "==") return equal(a, b);
  if (name == "!=") return !equal(a, b);
  if (name == "in") return contains(b, a);
  if (name == "not in") {
    ASSIGN_OR_RETURN(const bool inside, contains(b, a));
    return !inside;
  }
  const std::optional<int> order = compare(a, b);
  if (!order.has_value()) return bad_operands(name, a, b);
  if (name == "<") return *order < 0;
  if (name == "<=") return *order <= 0;
  return name == ">" ? *order > 0 : *order >= 0;
}

}  // namespace puna::jinja
