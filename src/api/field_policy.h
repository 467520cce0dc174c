// What becomes of request fields that Puna does not obey: few cannot matter and are ignored, all
// others are refused by name, so that nothing that changes an answer is lost in silence.
//
// A value that means "off" (null, or the neutral one of a field) is no wish and always accepted.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace puna {

// A name, or the beginning of names when it ends with '*'.
struct IgnoredField {
  std::string_view name;
  std::string_view reason;  // why it cannot change an answer
};
struct RefusedField {
  std::string_view name;
  std::string_view neutral;  // values that mean "off", as a JSON list
  std::string_view advice;   // ends the sentence "NAME …"
};

std::span<const IgnoredField> ignored_fields();
std::span<const RefusedField> refused_fields();

// kInvalidArgument for the first field of `object` that is neither one of `known` nor ignored nor
// neutral. `path` stands before names in messages ("stream_options.").
Status refuse_other_fields(const Json& object, const std::vector<std::string_view>& known,
                           std::string_view path = {});
// The same for an object of few names of its own, to which the tables above do not apply.
Status refuse_unknown_fields(const Json& object, const std::vector<std::string_view>& known,
                             std::string_view path);

}  // namespace puna
