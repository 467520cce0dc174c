// Messages say where in the file, what was found and what is read.

#include "tokenizer/json_fields.h"

#include <algorithm>

#include "model/model_folder.h"

namespace puna {

Result<JsonFields> JsonFields::of(const Json& json, std::string where) {
  if (!json.is_object()) return invalid_argument("{} is not an object", where);
  return JsonFields(json, std::move(where));
}

Status JsonFields::allow(std::initializer_list<std::string_view> names) const {
  for (const auto& [name, value] : json_.items()) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    return refuse(
        fmt::format("has the field \"{}\", which Puna does not know; it may change token ids",
                    printable_name(name)));
  }
  return {};
}

const Json* JsonFields::find(std::string_view name) const {
  const auto found = json_.find(name);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

Result<std::optional<std::string>> JsonFields::text(std::string_view name) const {
  const Json* found = find(name);
  if (found == nullptr) return std::optional<std::string>();
  if (!found->is_string()) return invalid_argument("{} is not a text", below(name));
  return std::optional<std::string>(found->get<std::string>());
}

Result<bool> JsonFields::flag(std::string_view name, bool otherwise) const {
  const Json* found = find(name);
  if (found == nullptr) return otherwise;
  if (!found->is_boolean()) return invalid_argument("{} is neither true nor false", below(name));
  return found->get<bool>();
}

std::string JsonFields::below(std::string_view name) const {
  return where_.empty() ? std::string(name) : fmt::format("{}.{}", where_, name);
}

Status JsonFields::refuse(std::string_view why) const {
  return invalid_argument("{} {}", where_.empty() ? "the file" : where_, why);
}

}  // namespace puna
