// Weights are known to the byte; what a program needs while it runs is the compiler's affair, and
// an estimate from the largest values that it has at once.

#include "backend/pjrt/device_plan.h"

#include <algorithm>

#include "backend/option_limits.h"
#include "backend/pjrt/device_weights.h"
#include "base/bytes.h"
#include "base/log.h"
#include "stablehlo/tensor_parallel.h"

namespace puna::pjrt {
namespace {

using stablehlo::ElementType;
using stablehlo::kBlockPositions;
using stablehlo::KvRead;

constexpr int kSequencesMax = 1 << 12;
constexpr int64_t kPoolBlocksMax = 1 << 20;
// A program is compiled for each pair of a size and a context, and each takes seconds or minutes.
constexpr int kSequencesGrowth = 8;
constexpr int kContextGrowth = 8;
constexpr int kContextBlocksFirst = 16;  // 1024 positions
constexpr int kPrefillTokensFirst = 64;
// Of a host's memory, whose other users are not asked; compilers for processors copy pools, too.
constexpr int64_t kSharedMemoryShare = 8;

Status check_options(const BackendOptions& options, const PjrtOptions& pjrt,
                     const LlamaConfig& config) {
  RETURN_IF_ERROR(check_common_options(options, config, kSequencesMax));
  if (!(pjrt.memory_utilization > 0 && pjrt.memory_utilization <= 1)) {
    return invalid_argument("--device-memory-utilization {}: expected a share from above 0 to 1",
                            pjrt.memory_utilization);
  }
  return stablehlo::check_degree(config, pjrt.tp_degree).with_context("--tp-degree");
}

// Matrices of int8 are multiplied as bf16.
Result<ElementType> weight_element(WeightFormat format) {
  if (format == WeightFormat::kF32) return ElementType::kF32;
  if (format == WeightFormat::kBf16 || format == WeightFormat::kInt8) return ElementType::kBf16;
  return invalid_argument(
      "--weights {}: devices hold weights as int8, bf16 or f32; leave it out or use "
      "--backend cpu",
      describe(format));
}

Result<ElementType> kv_element(const PjrtOptions& options, ElementType weights) {
  if (!options.kv_cache_type) return weights;
  if (*options.kv_cache_type == KvCacheType::kF32) return ElementType::kF32;
  if (*options.kv_cache_type == KvCacheType::kBf16) return ElementType::kBf16;
  return invalid_argument(
      "--kv-cache-dtype {}: devices hold K and V as bf16 or f32; leave it out or use --backend cpu",
      describe(*options.kv_cache_type));
}

// `first`, then each times `growth`, up to and with `last`.
std::vector<int> growing(int first, int growth, int last) {
  std::vector<int> sizes;
  for (int64_t size = first; size < last; size *= growth) sizes.push_back(static_cast<int>(size));
  sizes.push_back(last);
  return sizes;
}

int blocks_of(int64_t positions) {
  return static_cast<int>(blocks_for(positions, kBlockPositions));
}

ProgramBuckets choose_buckets(const BackendLimits& limits) {
  ProgramBuckets buckets;
  buckets.sequences = growing(1, kSequencesGrowth, limits.step_runs_max);
  if (limits.step_tokens_max > 1) {
    buckets.prefill_tokens =
        growing(kPrefillTokensFirst, limits.step_tokens_max, limits.step_tokens_max);
  }
  buckets.table_blocks =
      growing(kContextBlocksFirst, kContextGrowth, blocks_of(limits.max_model_len));
  return buckets;
}

// All weights of one device, and one block of the pools of all layers.
struct ModelBytes {
  int64_t weights = 0;
  int64_t step_weights = 0;  // of these, what every step reads: not rows of the embedding
  int64_t kv_block = 0;
};

Result<ModelBytes> model_bytes(const LlamaConfig& config, stablehlo::ProgramShape shape,
                               const stablehlo::PlatformProfile& profile) {
  shape.slot_blocks = shape.pool_blocks = 1;
  ASSIGN_OR_RETURN(const auto program, stablehlo::emit_llama_step(config, shape, profile));
  ModelBytes bytes;
  for (const stablehlo::ProgramArgument& argument : program.arguments) {
    const int64_t size = byte_count(array_type(argument.type));
    if (argument.is_weight()) bytes.weights += size;
    const bool is_looked_up = argument.role == stablehlo::ArgumentRole::kEmbedding;
    if (argument.is_weight() && (!is_looked_up || config.tie_word_embeddings)) {
      bytes.step_weights += size;
    }
    if (argument.is_pool()) bytes.kv_block += size;
  }
  return bytes;
}

// Of the largest program: rows as wide as the MLP, scores three times, K and V of its sequences
// gathered, logits three times.
int64_t scratch_bytes(const LlamaConfig& config, const stablehlo::ProgramShape& shape,
                      const ProgramBuckets& buckets) {
  const auto sizes = stablehlo::shard_sizes(config, shape.degree);
  const int64_t context = int64_t{buckets.table_blocks.back()} * kBlockPositions;
  const int64_t kv_row =
      sizes.kv_heads * config.head_dim * (byte_count(array_type({shape.kv, {}})) + 1);
  const auto of_program = [&](int64_t sequences, int64_t tokens, int64_t logit_rows) {
    const int64_t rows = tokens * (6 * config.hidden_size + 4 * sizes.intermediate) * 4;
    const int64_t scores = 3 * 4 * sizes.heads * tokens * context;
    return rows + scores + 2 * sequences * context * kv_row +
           3 * 4 * logit_rows * config.vocab_size;
  };
  const int sequences = buckets.sequences.back();
  const int tokens = buckets.prefill_tokens.empty() ? 1 : buckets.prefill_tokens.back();
  return std::max(of_program(sequences, sequences, sequences), of_program(1, tokens, 1));
}

// Free memory is a little more or less at each start; programs, which have the number of blocks in
// them, shall be the same and come from the store.
int64_t rounded_blocks(int64_t blocks) {
  int64_t step = 1;
  while (blocks / step > 32) step *= 2;
  return blocks / step * step;
}

// How many of the pool's blocks K and V may have, without the spare ones.
Result<int64_t> affordable_blocks(const BackendOptions& options, const DevicePlan& plan,
                                  const ModelBytes& bytes, const DeviceMemory& memory) {
  const double utilization = std::get<PjrtOptions>(options.device).memory_utilization;
  const auto usable = static_cast<int64_t>(static_cast<double>(memory.free_bytes) * utilization);
  const int64_t room = usable - bytes.weights - plan.scratch_bytes;
  if (room < bytes.kv_block) {
    return error(StatusCode::kResourceExhausted,
                 "weights take {} and a step {} of each device, of which {} may be used: raise "
                 "--tp-degree or --device-memory-utilization, or choose a smaller model",
                 describe_bytes(bytes.weights), describe_bytes(plan.scratch_bytes),
                 describe_bytes(usable));
  }
  if (options.kv_cache_bytes == 0) {
    const int64_t share = memory.is_shared ? room / kSharedMemoryShare : room;
    return rounded_blocks(share / bytes.kv_block);
  }
  const int64_t asked = options.kv_cache_bytes / plan.shape.degree;
  if (asked <= room) return asked / bytes.kv_block;
  return error(StatusCode::kResourceExhausted,
               "--kv-cache-memory-bytes {}: {} are free on {} devices beside weights and a step",
               options.kv_cache_bytes, describe_bytes(room * plan.shape.degree), plan.shape.degree);
}

// The longest sequence: all that was asked for, or all of the model's that fits.
Status choose_length(const BackendOptions& options, const LlamaConfig& config, int64_t blocks,
                     const ModelBytes& bytes, BackendLimits& limits) {
  if (blocks >= blocks_of(limits.max_model_len)) return {};
  if (options.max_model_len > 0 || blocks == 0) {
    return error(StatusCode::kResourceExhausted,
                 "--max-model-len {} needs {} of KV cache on each device and there is room for {} "
                 "positions: lower it, or raise --tp-degree or --kv-cache-memory-bytes",
                 limits.max_model_len,
                 describe_bytes(blocks_of(limits.max_model_len) * bytes.kv_block),
                 blocks * kBlockPositions);
  }
  limits.max_model_len = static_cast<int>(blocks * kBlockPositions);
  log_warning(
      "sequences are limited to {} positions of the model's {}: that is what the devices hold "
      "(--tp-degree, --kv-cache-memory-bytes)",
      limits.max_model_len, config.max_position_embeddings);
  return {};
}

// Blocks of one kind of pool: 64 positions each, or a slot for each sequence.
void lay_out(int64_t blocks, bool has_slots, DevicePlan& plan) {
  BackendLimits& limits = plan.limits;
  const int64_t sequence_blocks = blocks_of(limits.max_model_len);
  plan.layout.has_slots = has_slots;
  if (has_slots) {
    const int64_t slots = std::min<int64_t>(limits.step_runs_max, blocks / sequence_blocks);
    if (slots < limits.step_runs_max) {
      log_warning("{} sequences run at once, not {}: that is what the devices hold", slots,
                  limits.step_runs_max);
    }
    limits.step_runs_max = limits.block_count = static_cast<int>(slots);
    plan.shape.slot_blocks = static_cast<int>(sequence_blocks);
    plan.layout.block_tokens = static_cast<int>(sequence_blocks) * kBlockPositions;
  } else {
    limits.block_count = static_cast<int>(
        std::min({blocks, sequence_blocks * limits.step_runs_max, kPoolBlocksMax}));
  }
  const int spare = stablehlo::spare_blocks(std::max(limits.step_tokens_max, limits.step_runs_max));
  plan.shape.pool_blocks = limits.block_count * plan.layout.blocks_per_block() + spare;
  plan.layout.pool_blocks = plan.shape.pool_blocks;
}

}  // namespace

stablehlo::ProgramShape DevicePlan::shape_of(const ProgramSizes& sizes) const {
  stablehlo::ProgramShape program = shape;
  program.sequences = sizes.sequences;
  program.tokens_per_sequence = sizes.tokens_per_sequence;
  program.table_blocks = sizes.table_blocks;
  program.logit_rows = sizes.tokens_per_sequence == 1 ? sizes.sequences : 1;
  return program;
}

Result<DevicePlan> plan_devices(const BackendOptions& options, const LlamaConfig& config,
                                const stablehlo::PlatformProfile& profile,
                                const DeviceMemory& memory) {
  const auto& pjrt = std::get<PjrtOptions>(options.device);
  RETURN_IF_ERROR(check_options(options, pjrt, config));
  DevicePlan plan;
  plan.shape.degree = pjrt.tp_degree;
  const bool is_f32 = profile.natural_type == ElementType::kF32;
  const WeightFormat format =
      pjrt.weights.value_or(is_f32 ? WeightFormat::kF32 : WeightFormat::kBf16);
  ASSIGN_OR_RETURN(plan.shape.weights, weight_element(format));
  plan.shape.has_int8_matrices = format == WeightFormat::kInt8;
  ASSIGN_OR_RETURN(plan.shape.kv, kv_element(pjrt, plan.shape.weights));
  plan.limits = {.block_count = 0,
                 .step_tokens_max = options.step_tokens_max,
                 .step_runs_max = options.max_num_seqs,
                 .vocab_size = config.vocab_size,
                 .max_model_len = options.max_model_len > 0 ? options.max_model_len
                                                            : config.max_position_embeddings};
  ASSIGN_OR_RETURN(const ModelBytes bytes, model_bytes(config, plan.shape, profile));
  plan.weight_bytes = bytes.weights;
  plan.step_weight_bytes = bytes.step_weights;
  plan.kv_block_bytes = bytes.kv_block;
  plan.buckets = choose_buckets(plan.limits);
  plan.scratch_bytes = scratch_bytes(config, plan.shape, plan.buckets);
  ASSIGN_OR_RETURN(const int64_t blocks, affordable_blocks(options, plan, bytes, memory));
  RETURN_IF_ERROR(choose_length(options, config, blocks, bytes, plan.limits));
  lay_out(blocks, profile.kv_read == KvRead::kSlots, plan);
  plan.shape.positions = blocks_of(plan.limits.max_model_len) * kBlockPositions;
  plan.buckets = choose_buckets(plan.limits);
  plan.kv_bytes = plan.shape.pool_blocks * bytes.kv_block;
  return plan;
}

std::string describe(const DevicePlan& plan) {
  return fmt::format("weights {}, KV {}, scratch {} on each of {} {}",
                     describe_bytes(plan.weight_bytes), describe_bytes(plan.kv_bytes),
                     describe_bytes(plan.scratch_bytes), plan.shape.degree,
                     plan.shape.degree == 1 ? "device" : "devices");
}

}  // namespace puna::pjrt
