// Batches as the engine would plan them, without an engine around.

#include "app/bench_runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace puna {
namespace {

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

// Ids all over the vocabulary, so that rows of the embedding come from memory as in an answer.
TokenId token_at(int sequence, int position, int vocab_size) {
  const int64_t mixed = int64_t{position} * 7919 + int64_t{sequence} * 104729;
  return static_cast<TokenId>(mixed % vocab_size);
}

SequenceRun sequence_run(int sequence, const BenchTest& test, int block_tokens) {
  SequenceRun run;
  const auto blocks = static_cast<int>(blocks_for(test.positions(), block_tokens));
  run.block_table.resize(static_cast<size_t>(blocks));
  std::iota(run.block_table.begin(), run.block_table.end(), sequence * blocks);
  return run;
}

// One token of each sequence; move_to() sets their position.
StepBatch decode_batch(const BenchTest& test, int block_tokens) {
  StepBatch batch;
  batch.tokens.resize(static_cast<size_t>(test.batch));
  for (int sequence = 0; sequence < test.batch; ++sequence) {
    SequenceRun run = sequence_run(sequence, test, block_tokens);
    run.first_token = sequence;
    run.token_count = 1;
    run.prompt_count = 0;
    batch.runs.push_back(std::move(run));
    batch.wanted_rows.push_back({.token = sequence});
  }
  return batch;
}

void move_to(StepBatch& batch, int position, int vocab_size) {
  for (size_t i = 0; i < batch.runs.size(); ++i) {
    batch.runs[i].first_position = position;
    batch.tokens[i] = token_at(static_cast<int>(i), position, vocab_size);
  }
}

}  // namespace

Result<double> BenchRunner::run(const BenchTest& test) {
  return test.kind == BenchKind::kPrefill ? run_prefill(test) : run_decode(test);
}

Result<double> BenchRunner::run_prefill(const BenchTest& test) {
  std::vector<StepBatch> steps;
  for (int first = 0; first < test.tokens; first += kBenchStepTokens) {
    StepBatch batch;
    SequenceRun run = sequence_run(0, test, backend_.traits().block_tokens);
    run.first_position = first;
    run.token_count = std::min(kBenchStepTokens, test.tokens - first);
    for (int i = 0; i < run.token_count; ++i) {
      batch.tokens.push_back(token_at(0, first + i, backend_.limits().vocab_size));
    }
    if (first + run.token_count == test.tokens) {
      batch.wanted_rows.push_back({.token = run.token_count - 1});
    }
    batch.runs.push_back(std::move(run));
    steps.push_back(std::move(batch));
  }
  const auto start = Steady::now();
  for (const StepBatch& batch : steps) RETURN_IF_ERROR(step(batch));
  return seconds_since(start);
}

Result<double> BenchRunner::run_decode(const BenchTest& test) {
  const int vocab_size = backend_.limits().vocab_size;
  StepBatch batch = decode_batch(test, backend_.traits().block_tokens);
  move_to(batch, test.depth, vocab_size);
  RETURN_IF_ERROR(step(batch));
  const auto start = Steady::now();
  for (int i = 0; i < test.tokens; ++i) {
    move_to(batch, test.depth + i, vocab_size);
    RETURN_IF_ERROR(step(batch));
  }
  return seconds_since(start);
}

Status BenchRunner::step(const StepBatch& batch) {
  ASSIGN_OR_RETURN(const StepResult result, backend_.run(batch));
  for (size_t row = 0; row < batch.wanted_rows.size(); ++row) {
    // What is not a number spreads to all logits: one of a row tells.
    if (std::isfinite(result.logits.row(row)[0])) continue;
    return error(StatusCode::kInternal, "the logits of a measured step are not numbers");
  }
  return {};
}

}  // namespace puna
