// One wording for all wrong types: "temperature must be a number, not a string".

#include "api/request_fields.h"

#include <limits>

namespace puna {
namespace {

Status wrong_type(const char* name, std::string_view wanted, const Json& found) {
  return invalid_argument("{} must be {}, not {}", name, wanted, type_of(found));
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

const Json* RequestFields::find(const char* name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

Status RequestFields::read(const char* name, bool& target) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_boolean()) return wrong_type(name, "a boolean", *value);
  target = value->get<bool>();
  return {};
}

Status RequestFields::read(const char* name, int& target) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_number_integer()) return wrong_type(name, "an integer", *value);
  constexpr int64_t kMax = std::numeric_limits<int>::max();
  const bool too_large =
      value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(kMax);
  if (too_large || value->get<int64_t>() < -kMax || value->get<int64_t>() > kMax) {
    return invalid_argument("{} is out of range", name);
  }
  target = value->get<int>();
  return {};
}

Status RequestFields::read(const char* name, double& target) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_number()) return wrong_type(name, "a number", *value);
  target = value->get<double>();
  return {};
}

Status RequestFields::read(const char* name, std::string& target) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_string()) return wrong_type(name, "a string", *value);
  target = value->get<std::string>();
  return {};
}

Status RequestFields::read(const char* name, std::vector<int32_t>& target) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_array()) return wrong_type(name, "a list of integers", *value);
  target.clear();
  for (const Json& item : *value) {
    if (!item.is_number_integer() || item.get<int64_t>() < 0 ||
        item.get<int64_t>() > std::numeric_limits<int32_t>::max()) {
      return invalid_argument("{} must hold token ids, not {}", name, item.dump());
    }
    target.push_back(item.get<int32_t>());
  }
  return {};
}

Status RequestFields::read_strings(const char* name, std::vector<std::string>& target) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  target.clear();
  if (value->is_string()) {
    target.push_back(value->get<std::string>());
    return {};
  }
  if (!value->is_array()) return wrong_type(name, "a string or a list of strings", *value);
  for (const Json& item : *value) {
    if (!item.is_string()) return wrong_type(name, "a list of strings", item);
    target.push_back(item.get<std::string>());
  }
  return {};
}

Status RequestFields::read_seed(const char* name, std::optional<uint64_t>& target) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_number_integer()) return wrong_type(name, "an integer", *value);
  target = value->is_number_unsigned() ? value->get<uint64_t>()
                                       : static_cast<uint64_t>(value->get<int64_t>());
  return {};
}

}  // namespace puna
