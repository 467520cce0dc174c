// tokenizer.json: normalizer.

#include "tokenizer/json_fields.h"
#include "tokenizer/json_steps.h"

namespace puna {
namespace {

using Kind = NormalizerStep::Kind;

class NormalizerReader {
 public:
  Status read(const Json& json, std::string where, int depth) {
    ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::of(json, std::move(where)));
    ASSIGN_OR_RETURN(const auto named, fields.text("type"));
    const std::string type = named.value_or("");
    if (steps_.size() >= kStepsMax) return fields.refuse("is one step too many");
    if (type == "Sequence") return read_sequence(fields, depth);
    if (type == "Prepend") return read_prepend(fields);
    if (type == "Replace") return read_replace(fields);
    if (type == "Strip") return read_strip(fields);
    if (type == "Lowercase") return plain(fields, Kind::kLowercase);
    if (type == "StripAccents") return plain(fields, Kind::kStripAccents);
    return fields.refuse(fmt::format(
        "has the type {}, which is not supported; Sequence, Prepend, Replace, Strip, Lowercase and "
        "StripAccents are",
        type.empty() ? "null" : type));
  }

  std::vector<NormalizerStep> take() { return std::move(steps_); }

 private:
  Status plain(const JsonFields& fields, Kind kind) {
    RETURN_IF_ERROR(fields.allow({"type"}));
    steps_.emplace_back().kind = kind;
    return {};
  }

  Status read_sequence(const JsonFields& fields, int depth) {
    return read_json_sequence(fields, "normalizers", depth,
                              [&](const Json& step, std::string where) {
                                return read(step, std::move(where), depth + 1);
                              });
  }

  Status read_prepend(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "prepend"}));
    ASSIGN_OR_RETURN(const auto text, fields.text("prepend"));
    if (!text) return fields.refuse("has no text to prepend");
    NormalizerStep& step = steps_.emplace_back();
    step.kind = Kind::kPrepend;
    step.text = *text;
    return {};
  }

  Status read_replace(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "pattern", "content"}));
    ASSIGN_OR_RETURN(const auto content, fields.text("content"));
    if (!content) return fields.refuse("has no content");
    ASSIGN_OR_RETURN(JsonPattern pattern, read_json_pattern(fields));
    NormalizerStep& step = steps_.emplace_back();
    step.kind = Kind::kReplace;
    step.text = *content;
    step.literal = std::move(pattern.literal);
    step.pattern = std::move(pattern.regex);
    return {};
  }

  Status read_strip(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "strip_left", "strip_right"}));
    NormalizerStep& step = steps_.emplace_back();
    step.kind = Kind::kStrip;
    ASSIGN_OR_RETURN(step.left, fields.flag("strip_left", true));
    ASSIGN_OR_RETURN(step.right, fields.flag("strip_right", true));
    return {};
  }

  std::vector<NormalizerStep> steps_;
};

}  // namespace

Result<std::vector<NormalizerStep>> read_json_normalizer(const Json* json) {
  NormalizerReader reader;
  if (json != nullptr) RETURN_IF_ERROR(reader.read(*json, "normalizer", 0));
  return reader.take();
}

}  // namespace puna
