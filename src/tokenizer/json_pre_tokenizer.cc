// tokenizer.json: pre_tokenizer.

#include "base/utf8.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/json_steps.h"

namespace puna {
namespace {

using Kind = PreTokenizerStep::Kind;

// Rust's char::is_numeric and is_whitespace; ASCII punctuation and Unicode's.
constexpr const char* kNumeric = R"(\p{N})";
constexpr const char* kWhiteSpace = R"(\s)";
constexpr const char* kPunctuation = R"([!-\/:-@\[-`{-~\p{P}])";
constexpr const char* kWords = R"(\w+|[^\w\s]+)";

class PreTokenizerReader {
 public:
  Status read(const Json& json, std::string where, int depth) {
    ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::of(json, std::move(where)));
    ASSIGN_OR_RETURN(const auto named, fields.text("type"));
    const std::string type = named.value_or("");
    if (steps_.size() >= kStepsMax) return fields.refuse("is one step too many");
    if (type == "Sequence") return read_sequence(fields, depth);
    if (type == "ByteLevel") return read_byte_level(fields);
    if (type == "Metaspace") return read_metaspace(fields);
    if (type == "Split") return read_split(fields);
    if (type == "Digits") return read_digits(fields);
    if (type == "Punctuation") return read_punctuation(fields);
    if (type == "Whitespace") return plain(fields, kWords, true);
    if (type == "WhitespaceSplit") return plain(fields, kWhiteSpace, false);
    if (type == "CharDelimiterSplit") return read_delimiter(fields);
    if (type == "FixedLength") return read_fixed_length(fields);
    return fields.refuse(fmt::format(
        "has the type {}, which is not supported; Sequence, ByteLevel, Metaspace, Split, Digits, "
        "Punctuation, Whitespace, WhitespaceSplit, CharDelimiterSplit and FixedLength are",
        type.empty() ? "null" : type));
  }

  std::vector<PreTokenizerStep> take() { return std::move(steps_); }

 private:
  void split(std::string pattern, SplitBehaviour behaviour, bool invert = false) {
    PreTokenizerStep& step = steps_.emplace_back();
    step.pattern = std::move(pattern);
    step.behaviour = behaviour;
    step.invert = invert;
  }

  Status plain(const JsonFields& fields, const char* pattern, bool invert) {
    RETURN_IF_ERROR(fields.allow({"type"}));
    split(pattern, SplitBehaviour::kRemoved, invert);
    return {};
  }

  Status read_sequence(const JsonFields& fields, int depth) {
    return read_json_sequence(fields, "pretokenizers", depth,
                              [&](const Json& step, std::string where) {
                                return read(step, std::move(where), depth + 1);
                              });
  }

  Status read_byte_level(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "add_prefix_space", "trim_offsets", "use_regex"}));
    ASSIGN_OR_RETURN(const bool adds_space, fields.flag("add_prefix_space", true));
    ASSIGN_OR_RETURN(const bool uses_regex, fields.flag("use_regex", true));
    if (adds_space) steps_.emplace_back().kind = Kind::kSpace;
    if (uses_regex) split(kGpt2Pattern, SplitBehaviour::kIsolated);
    steps_.emplace_back().kind = Kind::kByteLevel;
    return {};
  }

  // Files of older libraries say add_prefix_space instead of prepend_scheme.
  Status read_metaspace(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow(
        {"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
    ASSIGN_OR_RETURN(const auto replacement, fields.text("replacement"));
    ASSIGN_OR_RETURN(const bool adds_space, fields.flag("add_prefix_space", true));
    ASSIGN_OR_RETURN(const auto scheme, fields.text("prepend_scheme"));
    ASSIGN_OR_RETURN(const bool splits, fields.flag("split", true));
    if (!replacement || replacement->empty() ||
        decode_utf8(*replacement).length != replacement->size()) {
      return fields.refuse("has a replacement that is not one character");
    }
    PreTokenizerStep step;
    step.kind = Kind::kMetaspace;
    step.replacement = *replacement;
    if (scheme.value_or(adds_space ? "always" : "never") == "always") {
      step.prepend = PrependScheme::kAlways;
    } else if (!scheme || *scheme == "never") {
      step.prepend = PrependScheme::kNever;
    } else if (*scheme == "first") {
      step.prepend = PrependScheme::kFirst;
    } else {
      return fields.refuse(
          fmt::format("has the prepend_scheme {}; always, first and never are known", *scheme));
    }
    if (!adds_space && step.prepend != PrependScheme::kNever) {
      return fields.refuse("says add_prefix_space false and another prepend_scheme");
    }
    steps_.push_back(step);
    if (splits) split(quoted_pattern(*replacement), SplitBehaviour::kMergedWithNext);
    return {};
  }

  Result<SplitBehaviour> read_behaviour(const JsonFields& fields) {
    ASSIGN_OR_RETURN(const auto behaviour, fields.text("behavior"));
    const std::string name = behaviour.value_or("Isolated");
    if (name == "Removed") return SplitBehaviour::kRemoved;
    if (name == "Isolated") return SplitBehaviour::kIsolated;
    if (name == "MergedWithPrevious") return SplitBehaviour::kMergedWithPrevious;
    if (name == "MergedWithNext") return SplitBehaviour::kMergedWithNext;
    if (name == "Contiguous") return SplitBehaviour::kContiguous;
    return fields.refuse(fmt::format(
        "has the behavior {}; Removed, Isolated, MergedWithPrevious, MergedWithNext and Contiguous "
        "are known",
        name));
  }

  Status read_split(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "pattern", "behavior", "invert"}));
    ASSIGN_OR_RETURN(const JsonPattern pattern, read_json_pattern(fields));
    ASSIGN_OR_RETURN(const SplitBehaviour behaviour, read_behaviour(fields));
    ASSIGN_OR_RETURN(const bool invert, fields.flag("invert", false));
    split(pattern.regex ? *pattern.regex : quoted_pattern(pattern.literal), behaviour, invert);
    return {};
  }

  Status read_digits(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "individual_digits"}));
    ASSIGN_OR_RETURN(const bool individual, fields.flag("individual_digits", false));
    split(kNumeric, individual ? SplitBehaviour::kIsolated : SplitBehaviour::kContiguous);
    return {};
  }

  Status read_punctuation(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "behavior"}));
    ASSIGN_OR_RETURN(const SplitBehaviour behaviour, read_behaviour(fields));
    split(kPunctuation, behaviour);
    return {};
  }

  Status read_delimiter(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "delimiter"}));
    ASSIGN_OR_RETURN(const auto delimiter, fields.text("delimiter"));
    if (!delimiter || delimiter->empty()) return fields.refuse("has no delimiter");
    split(quoted_pattern(*delimiter), SplitBehaviour::kRemoved);
    return {};
  }

  Status read_fixed_length(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "length"}));
    const Json* length = fields.find("length");
    const int64_t count = length == nullptr             ? 5
                          : length->is_number_integer() ? length->get<int64_t>()
                                                        : 0;
    if (count < 1 || count > 60000)
      return fields.refuse("has a length that is not from 1 to 60000");
    split(fmt::format("[\\x{{0}}-\\x{{10ffff}}]{{1,{}}}", count), SplitBehaviour::kIsolated);
    return {};
  }

  std::vector<PreTokenizerStep> steps_;
};

}  // namespace

Result<std::vector<PreTokenizerStep>> read_json_pre_tokenizer(const Json* json) {
  PreTokenizerReader reader;
  if (json != nullptr) RETURN_IF_ERROR(reader.read(*json, "pre_tokenizer", 0));
  return reader.take();
}

}  // namespace puna
