// The steps of a tokenizer.json: normalizer, pre_tokenizer, post_processor and decoder. Each is
// obeyed, or refused by its name.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "tokenizer/bpe_vocabulary.h"
#include "tokenizer/json_fields.h"

namespace puna {

inline constexpr int kStepsDepthMax = 8;
inline constexpr size_t kStepsMax = 256;

// A step of a list with its place: "decoder.decoders[1]".
using ReadStep = std::function<Status(const Json& step, std::string where)>;
// The steps of a Sequence, which are in the field `list`. `depth` is its own.
Status read_json_sequence(const JsonFields& fields, std::string_view list, int depth,
                          const ReadStep& read);
// {"String": …} or {"Regex": …} in the field "pattern".
struct JsonPattern {
  std::string literal;
  std::optional<std::string> regex;
};
Result<JsonPattern> read_json_pattern(const JsonFields& fields);

// Null gives no steps.
Result<std::vector<NormalizerStep>> read_json_normalizer(const Json* json);
Result<std::vector<PreTokenizerStep>> read_json_pre_tokenizer(const Json* json);
Result<PieceSpelling> read_json_decoder(const Json& json);
// What a single text gets before and after it. `pieces` is by id.
Result<PromptEnds> read_json_post_processor(const Json* json,
                                            const std::vector<std::string>& pieces);

}  // namespace puna
