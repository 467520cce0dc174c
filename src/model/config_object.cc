// Typed JSON fields behind config_object.h.

#include "model/config_object.h"

#include <cmath>
#include <utility>

#include "base/mapped_file.h"
#include "base/utf8.h"

namespace puna {
namespace {

constexpr size_t kShownBytesMax = 80;  // of a wrong value in a message

std::string shown(const Json& value) {
  std::string text = dump_json(value);
  if (text.size() > kShownBytesMax) text = text.substr(0, kShownBytesMax) + "...";
  return escape_for_terminal(text);
}

}  // namespace

ConfigObject::ConfigObject(const Json& object, std::string origin, std::string prefix)
    : object_(&object), origin_(std::move(origin)), prefix_(std::move(prefix)) {}

const Json* ConfigObject::find(std::string_view key) const {
  const auto found = object_->find(std::string(key));
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

Status ConfigObject::refuse(std::string_view key, std::string_view wanted) const {
  const Json* value = find(key);
  return invalid_argument("{}: {}{} is {}, expected {}", origin_, prefix_, key,
                          value == nullptr ? "missing" : shown(*value), wanted);
}

Status ConfigObject::missing(std::string_view key) const {
  return invalid_argument("{}: {}{} is missing", origin_, prefix_, key);
}

Result<std::optional<int64_t>> ConfigObject::get_integer(std::string_view key, int64_t minimum,
                                                         int64_t maximum) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<int64_t>();
  const std::string wanted = fmt::format("an integer from {} to {}", minimum, maximum);
  if (!value->is_number_integer()) return refuse(key, wanted);
  if (value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return refuse(key, wanted);
  }
  const auto number = value->get<int64_t>();
  if (number < minimum || number > maximum) return refuse(key, wanted);
  return std::optional<int64_t>(number);
}

Result<std::optional<double>> ConfigObject::get_number(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<double>();
  if (!value->is_number() || !std::isfinite(value->get<double>())) {
    return refuse(key, "a finite number");
  }
  return std::optional<double>(value->get<double>());
}

Result<std::optional<bool>> ConfigObject::get_bool(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_boolean()) return refuse(key, "true or false");
  return std::optional<bool>(value->get<bool>());
}

Result<std::optional<std::string>> ConfigObject::get_string(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return refuse(key, "a string");
  return std::optional<std::string>(value->get<std::string>());
}

Result<std::optional<std::vector<std::string>>> ConfigObject::get_strings(
    std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<std::vector<std::string>>();
  if (!value->is_array()) return refuse(key, "a list of strings");
  std::vector<std::string> strings;
  for (const Json& item : *value) {
    if (!item.is_string()) return refuse(key, "a list of strings");
    strings.push_back(item.get<std::string>());
  }
  return std::optional<std::vector<std::string>>(std::move(strings));
}

Result<std::optional<ConfigObject>> ConfigObject::get_object(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::optional<ConfigObject>();
  if (!value->is_object()) return refuse(key, "an object");
  return std::optional<ConfigObject>(
      ConfigObject(*value, origin_, fmt::format("{}{}.", prefix_, key)));
}

Result<Json> parse_config_object(std::string_view text, std::string_view origin) {
  Result<Json> document = parse_json(text);
  if (!document.ok()) return document.status().with_context(origin);
  if (!document->is_object()) return invalid_argument("{}: must be a JSON object", origin);
  return document;
}

Result<Json> read_config_object(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path, kConfigFileBytesMax));
  return parse_config_object(text, path.string());
}

}  // namespace puna
