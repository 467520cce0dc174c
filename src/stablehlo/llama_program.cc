// What a program's shape must fulfil, before a line of it is written.

#include "stablehlo/llama_program.h"

#include "stablehlo/llama_step.h"
#include "stablehlo/tensor_parallel.h"

namespace puna::stablehlo {
namespace {

// Far above what a device holds; they keep products of sizes within 64 bits.
constexpr int kProgramTokensMax = 1 << 16;
constexpr int kBlocksMax = 1 << 24;

Status check_size(std::string_view name, int64_t size, int64_t max) {
  if (size >= 1 && size <= max) return {};
  return invalid_field(name, "is {}: a program takes 1 to {}", size, max);
}

Status check_slots(const ProgramShape& shape) {
  RETURN_IF_ERROR(check_size("slot_blocks", shape.slot_blocks, kBlocksMax));
  if (shape.table_blocks > shape.slot_blocks) {
    return invalid_field("table_blocks", "is {}, more than a slot's {} blocks", shape.table_blocks,
                         shape.slot_blocks);
  }
  if (int64_t{shape.sequences} * shape.slot_blocks > shape.pool_blocks) {
    return invalid_field("pool_blocks", "is {}: {} slots of {} blocks need {}", shape.pool_blocks,
                         shape.sequences, shape.slot_blocks,
                         int64_t{shape.sequences} * shape.slot_blocks);
  }
  return {};
}

Status check(const LlamaConfig& config, const ProgramShape& shape, const PlatformProfile& profile) {
  RETURN_IF_ERROR(check_degree(config, shape.degree));
  RETURN_IF_ERROR(check_size("sequences", shape.sequences, kProgramTokensMax));
  RETURN_IF_ERROR(check_size("tokens_per_sequence", shape.tokens_per_sequence, kProgramTokensMax));
  RETURN_IF_ERROR(check_size("tokens of a step", shape.token_count(), kProgramTokensMax));
  RETURN_IF_ERROR(check_size("pool_blocks", shape.pool_blocks, kBlocksMax));
  RETURN_IF_ERROR(check_size("table_blocks", shape.table_blocks, shape.pool_blocks));
  RETURN_IF_ERROR(check_size("logit_rows", shape.logit_rows, shape.token_count()));
  RETURN_IF_ERROR(check_size("positions", shape.positions, kPositionsMax));
  if (config.head_dim % 2 != 0) {
    return invalid_field("head_dim", "is {}: RoPE rotates pairs", config.head_dim);
  }
  if (!is_float(shape.weights) || !is_float(shape.kv)) {
    return invalid_argument("weights and K and V are f32 or bf16, not {} and {}",
                            describe(shape.weights), describe(shape.kv));
  }
  return profile.kv_read == KvRead::kSlots ? check_slots(shape) : Status();
}

}  // namespace

bool ProgramArgument::is_weight() const {
  return role >= ArgumentRole::kEmbedding && role <= ArgumentRole::kHead;
}

bool ProgramArgument::is_scale() const {
  return role == ArgumentRole::kQkvScale || role == ArgumentRole::kOutputScale ||
         role == ArgumentRole::kGateUpScale || role == ArgumentRole::kDownScale;
}

bool ProgramArgument::is_pool() const {
  return role == ArgumentRole::kKeys || role == ArgumentRole::kValues;
}

std::array<int32_t, 2> spare_slot(int pool_blocks, int64_t token) {
  return {static_cast<int32_t>(pool_blocks - 1 - token / kBlockPositions),
          static_cast<int32_t>(token % kBlockPositions)};
}

int spare_blocks(int64_t token_count) {
  return static_cast<int>((token_count + kBlockPositions - 1) / kBlockPositions);
}

Result<LlamaProgram> emit_llama_step(const LlamaConfig& config, const ProgramShape& shape,
                                     const PlatformProfile& profile) {
  RETURN_IF_ERROR(check(config, shape, profile));
  return LlamaStep(config, shape, profile).write();
}

}  // namespace puna::stablehlo
