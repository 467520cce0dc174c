// One step of a Llama as a StableHLO program: text, and what its arguments and results are.
//
// A pure function of the model's shape, the program's shape and the platform. The whole step is one
// unrolled function: embedding, layers, head, and the greedy token of each wanted row. K and V stay
// in pools of blocks that the program updates in place. Weights are arguments, never constants.
// Norms, softmax, RoPE and every sum are f32; matrices and K and V have the shape's element types.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/llama_config.h"
#include "stablehlo/platform_profile.h"
#include "stablehlo/tensor_type.h"

namespace puna::stablehlo {

inline constexpr int kBlockPositions = 64;  // of a KV block

// Decode: many sequences, a token each. Prefill: one sequence, a chunk of tokens. Programs have
// fixed sizes: what a step does not fill is padding.
struct ProgramShape {
  int sequences = 1;
  int tokens_per_sequence = 1;
  int table_blocks = 1;  // of the longest sequence; positions beyond are not seen
  int slot_blocks = 0;   // KvRead::kSlots: blocks that a row of the step owns
  int pool_blocks = 1;   // of every layer, with the spare ones that padding writes to
  int logit_rows = 1;    // wanted rows; as many as tokens: all, in their order
  int positions = 1;     // rows of the RoPE tables
  int degree = 1;        // devices
  ElementType weights = ElementType::kF32;
  ElementType kv = ElementType::kF32;
  // Matrices of layers are i8 with a scale for each output; embedding and head stay as `weights`.
  bool has_int8_matrices = false;

  int64_t token_count() const { return int64_t{sequences} * tokens_per_sequence; }
  int64_t context() const { return int64_t{table_blocks} * kBlockPositions; }
};

enum class ArgumentRole {
  // Of the step, i32 unless said. T tokens lie sequence by sequence.
  kTokens,      // [T]
  kPositions,   // [T]
  kSlots,       // [T, 2] block and offset that K and V of a token are written to; none twice
  kTables,      // [sequences, table_blocks] block indices
  kFirstBlock,  // [] instead of a table: where the one sequence of the step begins in the pool
  kRows,        // [logit_rows] the tokens whose logits are wanted
  // Of the device.
  kRank,     // [1] i32: its index among `degree`
  kCosines,  // [positions, head_dim / 2] f32
  kSines,
  // Of the model; rows of matrices are outputs, as in checkpoints.
  kEmbedding,  // [vocabulary, hidden]; the head too when tied
  kInputNorm,  // [hidden] f32, as all norms and biases
  kQkv,        // [(heads + 2 KV heads) * head_dim, hidden]
  kQkvScale,   // of i8 matrices: [rows] f32, as all scales; each device has its own
  kQkvBias,    // [(heads + 2 KV heads) * head_dim]
  kOutput,     // [hidden, heads * head_dim]
  kOutputScale,
  kOutputBias,  // [hidden]
  kPostNorm,
  kGateUp,  // [2 * intermediate, hidden]
  kGateUpScale,
  kGateUpBias,
  kDown,  // [hidden, intermediate]
  kDownScale,
  kDownBias,
  kFinalNorm,
  kHead,  // [vocabulary, hidden]
  // Pools of a layer, updated in place: [pool_blocks, KV heads, 64, head_dim].
  kKeys,
  kValues,
};

struct ProgramArgument {
  ArgumentRole role = ArgumentRole::kTokens;
  int layer = 0;
  TensorType type;  // of one device

  bool is_weight() const;
  bool is_scale() const;  // of the matrix before it
  bool is_pool() const;
};

// Results: greedy tokens [logit_rows] i32 (the vocabulary's size where no logit is a number),
// logits [logit_rows, vocab_size] f32, then the pools in the order of their arguments.
struct LlamaProgram {
  std::string text;
  std::vector<ProgramArgument> arguments;
};

// Block and offset for K and V of padding: token i of a step has a slot of its own at the end of
// the pool, so that no slot is written twice.
std::array<int32_t, 2> spare_slot(int pool_blocks, int64_t token);
// Blocks at the end of the pool that no sequence may own, for steps of up to `token_count` tokens.
int spare_blocks(int64_t token_count);

// kInvalidArgument when the shape does not fit the model, itself or the platform.
Result<LlamaProgram> emit_llama_step(const LlamaConfig& config, const ProgramShape& shape,
                                     const PlatformProfile& profile);

}  // namespace puna::stablehlo
