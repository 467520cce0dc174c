// Recursion is as deep as the document, which parse_json has bounded.

#include "jinja/from_json.h"

#include <limits>

namespace puna::jinja {
namespace {

Value number_from(const Json& json) {
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  const bool too_large = json.is_number_unsigned() && json.get<uint64_t>() > kMax;
  if (json.is_number_integer() && !too_large) return make_integer(json.get<int64_t>());
  return make_float(json.get<double>());
}

}  // namespace

Value from_json(const Json& json) {
  if (json.is_boolean()) return make_bool(json.get<bool>());
  if (json.is_number()) return number_from(json);
  if (json.is_string()) return make_text(MarkedText(json.get<std::string>(), kFromMessage));
  if (json.is_array()) {
    std::vector<Value> items;
    for (const Json& item : json) items.push_back(from_json(item));
    return make_list(std::move(items));
  }
  if (json.is_object()) {
    std::vector<std::pair<Value, Value>> entries;
    for (const auto& [name, value] : json.items()) {
      entries.emplace_back(make_text(MarkedText(name, kFromMessage)), from_json(value));
    }
    return make_dict(std::move(entries));
  }
  return make_none();
}

}  // namespace puna::jinja
