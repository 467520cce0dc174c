// The rules of a step, the same for every backend.

#include "backend/backend.h"

#include <utility>

namespace puna {
namespace {

Status validate_run(const SequenceRun& run, size_t index, const BackendLimits& limits,
                    const BackendTraits& traits) {
  if (run.token_count < 1 || run.first_position < 0) {
    return invalid_argument("run {}: {} tokens from position {}", index, run.token_count,
                            run.first_position);
  }
  if (run.first_position > limits.max_model_len - run.token_count) {
    return invalid_argument("run {}: positions up to {}, at most {}", index,
                            int64_t{run.first_position} + run.token_count, limits.max_model_len);
  }
  const int end = run.first_position + run.token_count;
  const auto blocks_needed = static_cast<size_t>(blocks_for(end, traits.block_tokens));
  if (run.block_table.size() < blocks_needed) {
    return invalid_argument("run {}: a block table of {} blocks for {} positions", index,
                            run.block_table.size(), end);
  }
  for (size_t i = 0; i < blocks_needed; ++i) {
    if (run.block_table[i] < 0 || run.block_table[i] >= limits.block_count) {
      return invalid_argument("run {}: block {} of {}", index, run.block_table[i],
                              limits.block_count);
    }
  }
  return {};
}

Status validate_runs(const StepBatch& batch, const BackendLimits& limits,
                     const BackendTraits& traits) {
  int64_t next_token = 0;
  for (size_t i = 0; i < batch.runs.size(); ++i) {
    RETURN_IF_ERROR(validate_run(batch.runs[i], i, limits, traits));
    if (batch.runs[i].first_token != next_token) {
      return invalid_argument("run {}: begins at token {}, not at {}", i, batch.runs[i].first_token,
                              next_token);
    }
    next_token += batch.runs[i].token_count;
  }
  if (next_token != static_cast<int64_t>(batch.tokens.size())) {
    return invalid_argument("the runs cover {} of {} tokens", next_token, batch.tokens.size());
  }
  return {};
}

// A block that a run writes is in no other place: not in another run's table, nor twice in its own.
Status validate_writes(const StepBatch& batch, const BackendLimits& limits,
                       const BackendTraits& traits) {
  std::vector<bool> is_written(static_cast<size_t>(limits.block_count), false);
  const auto first_written = [&](const SequenceRun& run) {
    return static_cast<size_t>(run.first_position / traits.block_tokens);
  };
  const auto refuse = [](size_t index, int block) {
    return invalid_argument("run {}: block {} is written in this step and is in two places", index,
                            block);
  };
  for (size_t i = 0; i < batch.runs.size(); ++i) {
    const SequenceRun& run = batch.runs[i];
    const auto end = static_cast<size_t>(
        blocks_for(int64_t{run.first_position} + run.token_count, traits.block_tokens));
    for (size_t j = first_written(run); j < end; ++j) {
      const auto block = static_cast<size_t>(run.block_table[j]);
      if (is_written[block]) return refuse(i, run.block_table[j]);
      is_written[block] = true;
    }
  }
  for (size_t i = 0; i < batch.runs.size(); ++i) {
    const SequenceRun& run = batch.runs[i];
    for (size_t j = 0; j < first_written(run); ++j) {
      if (is_written[static_cast<size_t>(run.block_table[j])]) return refuse(i, run.block_table[j]);
    }
  }
  return {};
}

}  // namespace

Result<StepResult> Backend::run(const StepBatch& batch) {
  RETURN_IF_ERROR(start(batch));
  return finish();
}

Status BlockingBackend::start(const StepBatch& batch) {
  result_.reset();
  ASSIGN_OR_RETURN(result_, compute(batch));
  return {};
}

Result<StepResult> BlockingBackend::finish() {
  if (!result_) return error(StatusCode::kFailedPrecondition, "no step was started");
  return *std::exchange(result_, std::nullopt);
}

Status validate(const StepBatch& batch, const BackendLimits& limits, const BackendTraits& traits) {
  if (batch.tokens.empty() || batch.tokens.size() > static_cast<size_t>(limits.step_tokens_max)) {
    return invalid_argument("a step of {} tokens, from 1 to {}", batch.tokens.size(),
                            limits.step_tokens_max);
  }
  if (batch.runs.size() > static_cast<size_t>(limits.step_runs_max)) {
    return invalid_argument("a step of {} runs, at most {}", batch.runs.size(),
                            limits.step_runs_max);
  }
  RETURN_IF_ERROR(validate_runs(batch, limits, traits));
  RETURN_IF_ERROR(validate_writes(batch, limits, traits));
  for (const TokenId token : batch.tokens) {
    if (token < 0 || token >= limits.vocab_size) {
      return invalid_argument("token {} of a vocabulary of {}", token, limits.vocab_size);
    }
  }
  int previous = -1;
  for (const WantedRow& row : batch.wanted_rows) {
    if (row.token <= previous || row.token >= static_cast<int>(batch.tokens.size())) {
      return invalid_argument("logits of token {} after {}, of {} tokens", row.token, previous,
                              batch.tokens.size());
    }
    previous = row.token;
  }
  return {};
}

}  // namespace puna
