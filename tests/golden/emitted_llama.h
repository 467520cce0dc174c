// EmittedLlama: a checkpoint's steps as emitted StableHLO, executed by the plain interpreter on
// virtual devices, with pools of K and V that stay between steps.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/checkpoint.h"
#include "stablehlo/interpreter/program.h"
#include "stablehlo/llama_program.h"

namespace puna {

// Consecutive tokens of one sequence in a step.
struct EmittedRow {
  std::vector<TokenId> tokens;
  int first_position = 0;
  std::vector<int> table;  // its blocks; with slots, the first one of `slot_blocks`
};

struct EmittedResult {
  std::vector<std::vector<float>> logits;  // of each wanted row
  std::vector<TokenId> chosen;
};

class EmittedLlama {
 public:
  // `shape` is all but the sizes of a step. Fails the running test when weights cannot be read.
  EmittedLlama(const LlamaConfig& config, const WeightSource& weights,
               stablehlo::ProgramShape shape, const std::string& profile);

  // One sequence's chunk, padded to `bucket` tokens; logits of every token of it, or with
  // `last_only` of its last one.
  EmittedResult prefill(const EmittedRow& row, int bucket, bool last_only = false);
  // A token each of several sequences, padded to `bucket` sequences.
  EmittedResult decode(const std::vector<EmittedRow>& rows, int bucket);

  // Everything in the pools, as if earlier sequences had left it.
  void fill_pools(float value);
  // Bytes of the text of the program of the last step.
  size_t text_bytes() const { return text_bytes_; }

 private:
  struct Emitted {
    stablehlo::LlamaProgram program;
    interpreter::Program executable;
    size_t bytes = 0;
  };

  const Emitted& program(const stablehlo::ProgramShape& shape);
  EmittedResult run(const stablehlo::ProgramShape& shape, const std::vector<EmittedRow>& rows,
                    size_t wanted_count);
  // The step's own arguments by role, padded.
  interpreter::Tensor step_values(const stablehlo::ProgramArgument& argument,
                                  const stablehlo::ProgramShape& shape,
                                  const std::vector<EmittedRow>& rows, int rank) const;
  interpreter::TensorPointer weight(const stablehlo::ProgramArgument& argument, int rank);

  LlamaConfig config_;
  const WeightSource& weights_;
  stablehlo::ProgramShape shape_;
  stablehlo::PlatformProfile profile_;
  std::map<std::string, Emitted> programs_;
  // Weights by device, role and layer; pools by device in the order of their arguments.
  std::map<std::string, interpreter::TensorPointer> held_;
  std::vector<std::vector<interpreter::TensorPointer>> pools_;
  size_t text_bytes_ = 0;
};

}  // namespace puna
