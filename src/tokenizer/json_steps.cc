// What the four lists of steps have in common.

#include "tokenizer/json_steps.h"

namespace puna {

Status read_json_sequence(const JsonFields& fields, std::string_view list, int depth,
                          const ReadStep& read) {
  RETURN_IF_ERROR(fields.allow({"type", list}));
  const Json* steps = fields.find(list);
  if (steps == nullptr || !steps->is_array()) {
    return fields.refuse(fmt::format("has no list of {}", list));
  }
  if (depth >= kStepsDepthMax || steps->size() > kStepsMax) {
    return fields.refuse(fmt::format("is nested more than {} times, or has more than {} steps",
                                     kStepsDepthMax, kStepsMax));
  }
  for (size_t i = 0; i < steps->size(); ++i) {
    RETURN_IF_ERROR(read((*steps)[i], fmt::format("{}[{}]", fields.below(list), i)));
  }
  return {};
}

Result<JsonPattern> read_json_pattern(const JsonFields& fields) {
  const Json* found = fields.find("pattern");
  if (found == nullptr) return fields.refuse("has no pattern");
  ASSIGN_OR_RETURN(const JsonFields inner, JsonFields::of(*found, fields.below("pattern")));
  RETURN_IF_ERROR(inner.allow({"String", "Regex"}));
  JsonPattern pattern;
  ASSIGN_OR_RETURN(const auto literal, inner.text("String"));
  ASSIGN_OR_RETURN(pattern.regex, inner.text("Regex"));
  if (literal.has_value() == pattern.regex.has_value()) {
    return inner.refuse("is neither a String nor a Regex");
  }
  pattern.literal = literal.value_or("");
  return pattern;
}

}  // namespace puna
