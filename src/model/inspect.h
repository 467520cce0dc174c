// CheckpointSummary: what `puna inspect` and the start of the server say about a checkpoint.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/checkpoint.h"
#include "model/formats.h"

namespace puna {

struct CheckpointSummary {
  std::string name;
  std::string path;
  std::string format;  // "safetensors" or "gguf"
  LlamaConfig config;
  std::optional<QuantisationConfig> quantisation;
  int64_t parameter_count = 0;
  int64_t stored_bytes = 0;
  std::map<std::string, int> tensor_counts;  // by stored type: {"F32": 61, "Q4_1": 210}
  bool has_chat_template = false;
  std::vector<AdapterInfo> adapters;
  // Memory for the weights as Puna would hold them.
  std::map<WeightFormat, int64_t> weight_bytes;
  int64_t kv_bytes_per_1000_tokens = 0;  // bf16
};

CheckpointSummary summarize(const Checkpoint& checkpoint);

// What the rooms above say of the same checkpoint.
struct TextSummary {
  std::string tokenizer;    // "sentencepiece", "byte-level bpe", or why there is none
  std::string chat_format;  // "chatml", "llama-2", …; empty: not known
  std::vector<TokenId> end_token_ids;
  std::string end_tokens;  // the same with their spelling: "</s> (2), <|im_end|> (420)"
};

std::string describe(const CheckpointSummary& summary, const TextSummary& text);
OrderedJson to_json(const CheckpointSummary& summary, const TextSummary& text);

}  // namespace puna
