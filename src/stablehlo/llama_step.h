// LlamaStep: the forward pass of llama_program.h, written layer by layer into a ProgramBuilder.
//
// Letters in shapes: T tokens, S sequences of Q tokens each, h query heads and k KV heads of one
// device, g = h / k, d head_dim, n table blocks, H hidden size.
#pragma once

#include <optional>

#include "stablehlo/llama_program.h"
#include "stablehlo/program_builder.h"
#include "stablehlo/tensor_parallel.h"

namespace puna::stablehlo {

class LlamaStep {
 public:
  // All three outlive this; the shape fits the config.
  LlamaStep(const LlamaConfig& config, const ProgramShape& shape, const PlatformProfile& profile);
  Result<LlamaProgram> write();

 private:
  struct Pool {
    Value argument;
    Value updated;
  };

  Value argument(ArgumentRole role, int layer, TensorType type,
                 std::optional<int> shard_dimension = {});
  Value indices(ArgumentRole role, Shape shape);
  Value floats(ArgumentRole role, int layer, int64_t size, std::optional<int> shard_dimension = {});

  void read_step();
  void prepare_masks(const Value& positions);
  Value embed(const Value& tokens);
  Value layer(int index, const Value& hidden);
  void choose(const Value& hidden);

  Value norm(const Value& rows, const Value& weight);
  Value linear(const Value& rows, const Value& matrix);
  Value project(const Value& rows, ArgumentRole role, int layer, int64_t outputs,
                int shard_dimension);
  Value add_bias(const Value& rows, const Value& bias);
  Value rotate(const Value& heads);
  Value attend(int layer, const Value& queries, const Value& keys, const Value& values);
  Value write_pool(ArgumentRole role, int layer, const Value& rows);
  Value read_pool(const Value& pool);

  const LlamaConfig& config_;
  const ProgramShape& shape_;
  const PlatformProfile& profile_;
  ShardSizes sizes_;
  int64_t tokens_;
  int64_t group_;
  ProgramBuilder builder_;
  std::vector<ProgramArgument> arguments_;
  std::vector<Pool> pools_;  // keys and values of each layer in turn

  // Inputs of the step, and what all layers share.
  Value token_ids_;
  Value slots_;
  std::optional<Value> tables_;
  std::optional<Value> first_block_;
  std::optional<Value> rows_;
  std::optional<Value> rank_;
  Value embedding_;
  Value cosines_;  // [T, h + k, d / 2]
  Value sines_;
  Value visible_;  // [S, k, Q, g, n, 64] i1: this key's position is not after the query's
  Value in_use_;   // [S, n, k, 64, d] i1: this position is not after the sequence's last
};

}  // namespace puna::stablehlo
