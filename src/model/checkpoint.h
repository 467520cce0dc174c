// Checkpoint: everything a model on disk says about itself, from a Hugging Face folder or a GGUF
// file.
//
// open_checkpoint() has checked that every tensor the config calls for is there in the right shape.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/llama_config.h"
#include "model/quantisation_config.h"
#include "model/weight_source.h"

namespace puna {

class GgufFile;

// generation_config.json: what the model's makers recommend; absent fields stay empty.
// max_new_tokens comes from the operator only: makers' examples are no reason to cut answers.
struct GenerationConfig {
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<int> top_k;
  std::optional<double> repetition_penalty;
  std::optional<bool> do_sample;
  std::optional<int> max_new_tokens;
};

// Where the tokenizer is described: a folder with tokenizer.model or tokenizer.json, or GGUF
// metadata.
struct TokenizerSource {
  std::filesystem::path folder;          // empty for a GGUF file
  std::shared_ptr<const GgufFile> gguf;  // null for a folder
};

struct AdapterInfo {
  std::string name;  // folder name
  std::filesystem::path path;
  int rank = 0;
  double scale = 0;  // lora_alpha / rank
  int64_t parameter_count = 0;
};

struct Checkpoint {
  std::filesystem::path path;
  std::string name;    // folder or file name without extension; the default served model name
  std::string format;  // "safetensors" or "gguf"
  LlamaConfig config;
  std::optional<QuantisationConfig> quantisation;  // of a folder; GGUF says it tensor by tensor
  GenerationConfig generation;
  std::shared_ptr<const WeightSource> weights;
  TokenizerSource tokenizer;
  std::string chat_template;          // Jinja text, empty when the checkpoint has none
  std::vector<AdapterInfo> adapters;  // merged into `weights` already
  int64_t weight_bytes = 0;           // as stored
  // Where `weights` came from, without adapters; config.json too when it says how they are packed.
  std::vector<std::filesystem::path> weight_files;
};

// `path` is a folder or a .gguf file. Refusals name the fix (pickle-only, unknown architecture,
// auto_map, missing or misshapen tensors, truncated files).
Result<Checkpoint> open_checkpoint(const std::filesystem::path& path);

// Merges a LoRA adapter (PEFT layout) into `checkpoint.weights`; shapes and target names are
// checked.
Status apply_adapter(Checkpoint& checkpoint, const std::filesystem::path& adapter);

}  // namespace puna
