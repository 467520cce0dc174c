// Sums of bytes, all in 64 bits: the limits of llama_config.h keep them from overflowing.

#include "backend/cpu/memory_plan.h"

#include <algorithm>

#include "backend/option_limits.h"
#include "base/bytes.h"
#include "base/log.h"
#include "model/memory_need.h"
#include "model/model_sizes.h"

namespace puna {
namespace {

// Up to here bf16 is cheap: a step reads it in a fiftieth of a second at 20 GB/s, faster than
// anybody reads, and small models lose most by fewer bits. Nor may it take memory that others need.
constexpr int64_t kSmallBf16BytesMax = 400 * 1'000'000;
constexpr int64_t kSmallMemoryShare = 8;
constexpr int kBlocksMax = 1 << 24;
constexpr int kSequencesMax = 1 << 16;
constexpr int kKvPart = 2;  // half of what is left: others need memory, too

int64_t weight_bytes(const Checkpoint& checkpoint, WeightFormat format, int group = 0) {
  return weight_sizes(checkpoint.config, *checkpoint.weights, format,
                      group > 0 ? group : default_weight_group(format))
      .bytes;
}

struct Stored {
  bool quantised = false;
  bool in_4_bits = false;
};
Stored stored_weights(const Checkpoint& checkpoint) {
  constexpr std::string_view kName = "model.layers.0.mlp.down_proj.weight";
  const TensorInfo* tensor = checkpoint.weights->find(kName);
  return {.quantised = tensor != nullptr && is_quantised(tensor->type),
          .in_4_bits = checkpoint.weights->quantised_layout(kName).has_value()};
}

// The format for a checkpoint when none was asked for. More bits than it has hold its weights no
// better, but its activations: that is worth it where it is cheap.
WeightFormat format_for(const Checkpoint& checkpoint, int64_t available_bytes) {
  const Stored stored = stored_weights(checkpoint);
  WeightFormat format = WeightFormat::kBf16;
  std::string_view reason = "bf16 fits";
  const int64_t bf16_bytes = weight_bytes(checkpoint, WeightFormat::kBf16);
  if (bf16_bytes <= std::min(kSmallBf16BytesMax, available_bytes / kSmallMemoryShare)) {
    reason = "a small model, which bf16 serves best";
  } else if (stored.in_4_bits && checkpoint.adapters.empty()) {
    format = WeightFormat::kInt4;
    reason = "the checkpoint is in 4 bits";
  } else if (stored.quantised) {
    format = WeightFormat::kInt8;
    reason = stored.in_4_bits ? "an adapter's changes are finer than the checkpoint's 4 bits"
                              : "the checkpoint is quantised";
  } else if (bf16_bytes > available_bytes / 2) {
    const bool int8_fits = weight_bytes(checkpoint, WeightFormat::kInt8) <= available_bytes / 2;
    format = int8_fits ? WeightFormat::kInt8 : WeightFormat::kInt4;
    reason = int8_fits ? "bf16 would take more than half of the memory"
                       : "int8 would take more than half of the memory";
  }
  log_info("weights held as {}: {} ({} of memory are free; --weights chooses another)",
           describe(format), reason, describe_bytes(available_bytes));
  return format;
}

constexpr int kBlockTokens = static_cast<int>(kBlockPositions);

// What the largest step takes beside weights and KV cache: every token may want its logits (echo
// with logprobs).
Result<int64_t> room_beside_step(const BackendOptions& options, const LlamaConfig& config,
                                 int64_t available_bytes) {
  const int64_t activations = activation_bytes(config, options.step_tokens_max);
  const int64_t logits = logit_bytes(config, options.step_tokens_max);
  const int64_t room = available_bytes - activations - logits;
  if (room > 0) return room;
  return error(
      StatusCode::kResourceExhausted,
      "--max-num-batched-tokens {}: a step takes {} for activations and {} for logits, and "
      "{} of memory are free: lower it",
      options.step_tokens_max, describe_bytes(activations), describe_bytes(logits),
      describe_bytes(available_bytes));
}

// By the rule of choose_limits(), with steps of the default size.
std::string what_would_fit(const Checkpoint& checkpoint, WeightFormat format,
                           int64_t available_bytes) {
  if (!checkpoint.adapters.empty() && format >= WeightFormat::kInt8) {
    return "free some, or merge the adapter into a smaller model";  // never int4
  }
  const MemoryUse wanted = {
      .format = format, .context = checkpoint.config.max_position_embeddings, .kv_part = kKvPart};
  return nearest_words(checkpoint.config, *checkpoint.weights, wanted, available_bytes);
}

int64_t blocks_for(int64_t positions) { return puna::blocks_for(positions, kBlockTokens); }

}  // namespace

Result<WeightFormat> choose_weight_format(const CpuOptions& options, const Checkpoint& checkpoint,
                                          int64_t available_bytes) {
  WeightFormat format =
      options.weights ? *options.weights : format_for(checkpoint, available_bytes);
  if (format == WeightFormat::kInt4 && !checkpoint.adapters.empty()) {
    log_warning(
        "weights held as int8, not int4: an adapter's changes are finer than the steps of 4 bits "
        "and would be lost");
    format = WeightFormat::kInt8;
  }
  const int64_t bytes = weight_bytes(checkpoint, format, options.weight_group);
  if (bytes <= available_bytes) return format;
  return error(StatusCode::kResourceExhausted,
               "the weights as {} take {} and {} of memory are free: {}; puna plan says which "
               "machines have enough",
               describe(format), describe_bytes(bytes), describe_bytes(available_bytes),
               what_would_fit(checkpoint, format, available_bytes));
}

int choose_weight_group(const CpuOptions& options, WeightFormat format) {
  return options.weight_group > 0 ? options.weight_group : default_weight_group(format);
}

Result<BackendLimits> choose_limits(const BackendOptions& options, const LlamaConfig& config,
                                    KvCacheType kv_type, int64_t available_bytes) {
  RETURN_IF_ERROR(check_common_options(options, config, kSequencesMax));
  ASSIGN_OR_RETURN(const int64_t room, room_beside_step(options, config, available_bytes));
  const int64_t block_bytes = kv_block_bytes(config, kv_type);
  int64_t length =
      options.max_model_len > 0 ? options.max_model_len : config.max_position_embeddings;
  const int64_t wanted_blocks =
      std::min<int64_t>(blocks_for(length) * options.max_num_seqs, kBlocksMax);
  int64_t blocks = options.kv_cache_bytes > 0
                       ? options.kv_cache_bytes / block_bytes
                       : std::min(wanted_blocks, room / kKvPart / block_bytes);
  blocks = std::min<int64_t>(blocks, kBlocksMax);
  if (options.kv_cache_bytes > room) {
    return error(StatusCode::kResourceExhausted,
                 "--kv-cache-memory-bytes {}: {} of memory are free beside the activations and "
                 "logits of a step",
                 options.kv_cache_bytes, describe_bytes(room));
  }
  if (blocks < blocks_for(length)) {
    if (options.max_model_len > 0 || blocks == 0) {
      return error(StatusCode::kResourceExhausted,
                   "--max-model-len {} needs {} of KV cache and there is room for {} positions: "
                   "lower it, or raise --kv-cache-memory-bytes",
                   length, describe_bytes(blocks_for(length) * block_bytes), blocks * kBlockTokens);
    }
    length = blocks * kBlockTokens;
    log_warning(
        "sequences are limited to {} positions of the model's {}: that is what the KV "
        "cache holds (--kv-cache-memory-bytes)",
        length, config.max_position_embeddings);
  }
  return BackendLimits{.block_count = static_cast<int>(blocks),
                       .step_tokens_max = options.step_tokens_max,
                       .step_runs_max = options.max_num_seqs,
                       .vocab_size = config.vocab_size,
                       .max_model_len = static_cast<int>(length)};
}

}  // namespace puna
