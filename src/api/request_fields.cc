// One wording for all wrong types and ranges.

#include "api/request_fields.h"

#include <algorithm>
#include <cmath>

namespace puna {
namespace {

// 2^63: the first that int64_t cannot hold.
constexpr double kInt64End = 9223372036854775808.0;

Status wrong_type(std::string_view name, std::string_view wanted, const Json& found) {
  return invalid_field(name, "must be {}, not {}", wanted, type_of(found));
}

bool is_text_list(const Json& value) {
  return value.is_array() &&
         std::all_of(value.begin(), value.end(), [](const Json& one) { return one.is_string(); });
}

bool is_token_id(const Json& value) {
  const std::optional<int64_t> id = integer_of(value);
  return id && *id >= 0 && *id <= std::numeric_limits<int32_t>::max();
}

bool in_range(const FieldType& type, double value) {
  const bool low_enough = type.above_minimum ? value > type.minimum : value >= type.minimum;
  return low_enough && value <= type.maximum;
}

// "goes from 1 to 128", "must be at least 1": the range after "is 0, and ".
std::string range_of(const FieldType& type) {
  const double unbounded = type.kind == FieldKind::kInteger ? kIntegerMax : kNumberMax;
  if (type.above_minimum && type.maximum < unbounded) {
    return fmt::format("must be above {} and at most {}", type.minimum, type.maximum);
  }
  if (type.above_minimum) return fmt::format("must be above {}", type.minimum);
  return fmt::format("goes from {} to {:.0f}", type.minimum, type.maximum);
}

Status check_number(std::string_view name, const FieldType& type, const Json& value) {
  const bool integer = type.kind == FieldKind::kInteger;
  if (!value.is_number()) return wrong_type(name, integer ? "an integer" : "a number", value);
  const auto number = value.get<double>();
  if (integer && std::trunc(number) != number) {
    return invalid_field(name, "must be an integer, not {}", value.dump());
  }
  if (in_range(type, number)) return {};
  return invalid_field(name, "is {}, and {}", value.dump(), range_of(type));
}

Status check_texts(std::string_view name, const Json& value) {
  if (is_text_list(value)) return {};
  if (!value.is_array()) return wrong_type(name, "a list of strings", value);
  const auto wrong =
      std::find_if(value.begin(), value.end(), [](const Json& one) { return !one.is_string(); });
  return wrong_type(name, "a list of strings, with no item", *wrong);
}

Status check_token_ids(std::string_view name, const Json& value) {
  if (!value.is_array()) return wrong_type(name, "a list of token ids", value);
  const auto wrong =
      std::find_if(value.begin(), value.end(), [](const Json& one) { return !is_token_id(one); });
  if (wrong == value.end()) return {};
  return invalid_field(name, "must hold token ids, not {}", dump_json(*wrong).substr(0, 40));
}

}  // namespace

std::string_view type_of(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "a boolean";
  if (value.is_number_integer()) return "an integer";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  return value.is_array() ? "a list" : "an object";
}

std::optional<int64_t> integer_of(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const auto number = value.get<double>();
  if (std::trunc(number) != number || !(std::fabs(number) < kInt64End)) return std::nullopt;
  return static_cast<int64_t>(number);
}

const Json* find_field(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::vector<std::string> texts_of(const Json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  return value.get<std::vector<std::string>>();
}

Status read_seed(const Json& value, std::optional<uint64_t>& seed) {
  const std::optional<int64_t> number = integer_of(value);
  if (number == -1) return {};
  if (number) {
    seed = static_cast<uint64_t>(*number);
  } else if (value.is_number_unsigned()) {
    seed = value.get<uint64_t>();
  } else if (!value.is_number()) {
    return wrong_type("seed", "an integer", value);
  } else if (std::trunc(value.get<double>()) == value.get<double>()) {
    return invalid_argument("seed is {}, and goes from -2^63 to 2^64 - 1", value.dump());
  } else {
    return invalid_argument("seed must be an integer, not {}", value.dump());
  }
  return {};
}

Status check_field(std::string_view name, const FieldType& type, const Json& value) {
  switch (type.kind) {
    case FieldKind::kBoolean:
      return value.is_boolean() ? Status() : wrong_type(name, "a boolean", value);
    case FieldKind::kInteger:
    case FieldKind::kNumber:
      return check_number(name, type, value);
    case FieldKind::kText:
      return value.is_string() ? Status() : wrong_type(name, "a string", value);
    case FieldKind::kTexts:
      return check_texts(name, value);
    case FieldKind::kTextOrTexts:
      if (value.is_string()) return {};
      if (!value.is_array()) return wrong_type(name, "a string or a list of strings", value);
      return check_texts(name, value);
    case FieldKind::kTokenIds:
      return check_token_ids(name, value);
    case FieldKind::kOther:
      return {};
  }
  return {};
}

OrderedJson schema_of(const FieldType& type) {
  const auto typed = [](const char* name) {
    OrderedJson schema;
    schema["type"] = name;
    return schema;
  };
  const auto list_of = [&](OrderedJson items) {
    OrderedJson schema = typed("array");
    schema["items"] = std::move(items);
    return schema;
  };
  switch (type.kind) {
    case FieldKind::kBoolean:
      return typed("boolean");
    case FieldKind::kInteger: {
      OrderedJson schema = typed("integer");
      schema["minimum"] = static_cast<int64_t>(type.minimum);
      schema["maximum"] = static_cast<int64_t>(type.maximum);
      return schema;
    }
    case FieldKind::kNumber: {
      OrderedJson schema = typed("number");
      schema[type.above_minimum ? "exclusiveMinimum" : "minimum"] = type.minimum;
      if (type.maximum < kNumberMax) schema["maximum"] = type.maximum;
      return schema;
    }
    case FieldKind::kText:
      return typed("string");
    case FieldKind::kTexts:
      return list_of(typed("string"));
    case FieldKind::kTextOrTexts: {
      OrderedJson schema;
      schema["anyOf"] = OrderedJson::array({typed("string"), list_of(typed("string"))});
      return schema;
    }
    case FieldKind::kTokenIds: {
      OrderedJson id = typed("integer");
      id["minimum"] = 0;
      return list_of(std::move(id));
    }
    case FieldKind::kOther:
      break;
  }
  return OrderedJson::parse(type.schema, nullptr, /*allow_exceptions=*/false);
}

std::string describe(const FieldType& type) {
  switch (type.kind) {
    case FieldKind::kBoolean:
      return "boolean";
    case FieldKind::kInteger:
      return type.maximum < kIntegerMax
                 ? fmt::format("integer, {:.0f} to {:.0f}", type.minimum, type.maximum)
                 : fmt::format("integer, from {:.0f}", type.minimum);
    case FieldKind::kNumber: {
      const std::string low =
          fmt::format("number, {} {}", type.above_minimum ? "above" : "from", type.minimum);
      return type.maximum < kNumberMax ? fmt::format("{} to {}", low, type.maximum) : low;
    }
    case FieldKind::kText:
      return "text";
    case FieldKind::kTexts:
      return "list of texts";
    case FieldKind::kTextOrTexts:
      return "text or list of texts";
    case FieldKind::kTokenIds:
      return "list of token ids";
    case FieldKind::kOther:
      break;
  }
  const OrderedJson schema = schema_of(type);
  const std::string kind = schema.value("type", "");
  return kind == "array" ? "list" : kind.empty() ? "several forms" : kind;
}

}  // namespace puna
