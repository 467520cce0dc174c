// A StepBatch as executions of programs of fixed sizes: which tokens each computes, and what its
// arguments are. Pure.
//
// Programs exist in buckets; what a step does not fill is padding. Tokens of prompts are prefilled,
// one sequence at a time in chunks; generated ones are decoded together, also when they are
// computed again: consecutive tokens of one sequence are rows of one execution, since K and V of
// all rows are written before any is read. Where more than the last row of a prompt's run is
// wanted, its tokens are decoded once more on the K and V of the prefill, which stay as they are.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "backend/step_batch.h"
#include "stablehlo/llama_program.h"

namespace puna::pjrt {

struct ProgramSizes {
  int sequences = 1;
  int tokens_per_sequence = 1;
  int table_blocks = 1;

  auto operator<=>(const ProgramSizes&) const = default;
};

std::string describe(const ProgramSizes& sizes);  // "decode of 8 up to 1024 positions"

// Sizes of programs, each list ascending.
struct ProgramBuckets {
  std::vector<int> sequences;       // that decode together
  std::vector<int> prefill_tokens;  // of a chunk
  std::vector<int> table_blocks;    // of 64 positions; the last holds the longest sequence
};

// The sizes that there are programs for. The largest of each kind takes whatever a step has.
using ProgramList = std::vector<ProgramSizes>;

// Every program that a step may use.
ProgramList all_programs(const ProgramBuckets& buckets);

// How a backend's blocks lie in the pools of its programs.
struct PoolLayout {
  int block_tokens = stablehlo::kBlockPositions;  // of a backend's block: several of the pool's
  int pool_blocks = 1;
  // A backend's block is a slot: row i of a decode step is the sequence in slot i.
  bool has_slots = false;

  int blocks_per_block() const { return block_tokens / stablehlo::kBlockPositions; }
};

struct ExecutionRow {
  int place = 0;  // among the program's sequences
  size_t run = 0;
  int first_token = 0;  // index into StepBatch::tokens
  int token_count = 1;
  bool writes = true;  // K and V of its tokens; false: they are there
};

struct ExecutionLogits {
  int row = 0;        // of the program's logits
  size_t wanted = 0;  // index into StepBatch::wanted_rows
};

struct Execution {
  ProgramSizes sizes;
  std::vector<ExecutionRow> rows;
  std::vector<ExecutionLogits> logits;
};

// `batch` keeps the limits that the programs were made for.
std::vector<Execution> plan_executions(const StepBatch& batch, const ProgramList& programs,
                                       const PoolLayout& layout);

// Values of an argument of the step, the same on every device.
std::vector<int32_t> argument_values(const stablehlo::ProgramArgument& argument,
                                     const Execution& execution, const StepBatch& batch,
                                     const PoolLayout& layout);

}  // namespace puna::pjrt
