// Decoded rows are gathered until an execution is full or, with slots, has the sequence already.

#include "backend/pjrt/executions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace puna::pjrt {
namespace {

using stablehlo::ArgumentRole;
using stablehlo::kBlockPositions;

int bucket_for(const std::vector<int>& buckets, int size) {
  const auto found = std::lower_bound(buckets.begin(), buckets.end(), size);
  CHECK(found != buckets.end(), "a step is larger than the largest program");
  return *found;
}

int position_of(const StepBatch& batch, const ExecutionRow& row) {
  const SequenceRun& run = batch.runs[row.run];
  return run.first_position + row.first_token - run.first_token;
}

// The pool's block of a position.
int pool_block(const SequenceRun& run, int position, const PoolLayout& layout) {
  const int within = position % layout.block_tokens / kBlockPositions;
  const int block = run.block_table[static_cast<size_t>(position / layout.block_tokens)];
  return block * layout.blocks_per_block() + within;
}

class Planner {
 public:
  Planner(const StepBatch& batch, const ProgramBuckets& buckets, const PoolLayout& layout)
      : batch_(batch), buckets_(buckets), layout_(layout) {}

  std::vector<Execution> plan() {
    for (size_t i = 0; i < batch_.runs.size(); ++i) {
      const SequenceRun& run = batch_.runs[i];
      if (run.token_count > 1 && wants_only_last(run)) continue;
      for (int j = 0; j < run.token_count; ++j) decode(i, run.first_token + j);
    }
    flush();
    for (size_t i = 0; i < batch_.runs.size(); ++i) {
      const SequenceRun& run = batch_.runs[i];
      if (run.token_count > 1 && wants_only_last(run)) prefill(i);
    }
    return std::move(executions_);
  }

 private:
  // The first wanted row at or after `token`.
  auto wanted_from(int token) const {
    return std::lower_bound(batch_.wanted_rows.begin(), batch_.wanted_rows.end(), token,
                            [](const WantedRow& row, int other) { return row.token < other; });
  }

  bool wants_only_last(const SequenceRun& run) const {
    const auto first = wanted_from(run.first_token);
    return first == batch_.wanted_rows.end() ||
           first->token >= run.first_token + run.token_count - 1;
  }

  void want(Execution& execution, int token, int row) const {
    const auto found = wanted_from(token);
    if (found == batch_.wanted_rows.end() || found->token != token) return;
    execution.logits.push_back({row, static_cast<size_t>(found - batch_.wanted_rows.begin())});
  }

  void decode(size_t run, int token) {
    const int slot = batch_.runs[run].block_table[0];
    const auto has_slot = [&](const ExecutionRow& row) { return row.place == slot; };
    const bool is_full = std::ssize(rows_) == buckets_.sequences.back();
    if (is_full || (layout_.has_slots && std::any_of(rows_.begin(), rows_.end(), has_slot))) {
      flush();
    }
    const int place = layout_.has_slots ? slot : static_cast<int>(rows_.size());
    rows_.push_back({place, run, token, 1});
  }

  void flush() {
    if (rows_.empty()) return;
    Execution execution;
    int positions = 0;
    int places = 0;
    // One sequence alone has a program that finds its slot, wherever it is.
    if (rows_.size() == 1) rows_[0].place = 0;
    for (const ExecutionRow& row : rows_) {
      positions = std::max(positions, position_of(batch_, row) + 1);
      places = std::max(places, row.place + 1);
      want(execution, row.first_token, row.place);
    }
    execution.sizes = {bucket_for(buckets_.sequences, places), 1, table_blocks(positions)};
    execution.rows = std::exchange(rows_, {});
    executions_.push_back(std::move(execution));
  }

  void prefill(size_t index) {
    const SequenceRun& run = batch_.runs[index];
    const int chunk = buckets_.prefill_tokens.back();
    for (int done = 0; done < run.token_count; done += chunk) {
      const int count = std::min(chunk, run.token_count - done);
      Execution execution;
      execution.rows = {{0, index, run.first_token + done, count}};
      execution.sizes = {1, bucket_for(buckets_.prefill_tokens, count),
                         table_blocks(run.first_position + done + count)};
      want(execution, run.first_token + done + count - 1, 0);
      executions_.push_back(std::move(execution));
    }
  }

  int table_blocks(int positions) const {
    return bucket_for(buckets_.table_blocks, (positions + kBlockPositions - 1) / kBlockPositions);
  }

  const StepBatch& batch_;
  const ProgramBuckets& buckets_;
  const PoolLayout& layout_;
  std::vector<ExecutionRow> rows_;  // to be decoded
  std::vector<Execution> executions_;
};

void fill_table(const SequenceRun& run, const PoolLayout& layout, int positions,
                std::span<int32_t> table) {
  const auto count = static_cast<size_t>((positions + kBlockPositions - 1) / kBlockPositions);
  for (size_t i = 0; i < std::min(count, table.size()); ++i) {
    table[i] = pool_block(run, static_cast<int>(i) * kBlockPositions, layout);
  }
}

std::vector<int32_t> padding(const stablehlo::ProgramArgument& argument, const PoolLayout& layout) {
  std::vector<int32_t> values(static_cast<size_t>(stablehlo::element_count(argument.type)));
  if (argument.role != ArgumentRole::kSlots) return values;
  for (size_t token = 0; token < values.size() / 2; ++token) {
    const auto slot = stablehlo::spare_slot(layout.pool_blocks, static_cast<int64_t>(token));
    std::copy(slot.begin(), slot.end(), values.begin() + static_cast<ptrdiff_t>(2 * token));
  }
  return values;
}

}  // namespace

std::string describe(const ProgramSizes& sizes) {
  const int positions = sizes.table_blocks * kBlockPositions;
  return sizes.tokens_per_sequence == 1
             ? fmt::format("decode of {} up to {} positions", sizes.sequences, positions)
             : fmt::format("prefill of {} up to {} positions", sizes.tokens_per_sequence,
                           positions);
}

std::vector<ProgramSizes> all_programs(const ProgramBuckets& buckets) {
  std::vector<ProgramSizes> programs;
  for (const int blocks : buckets.table_blocks) {
    for (const int sequences : buckets.sequences) programs.push_back({sequences, 1, blocks});
    for (const int tokens : buckets.prefill_tokens) programs.push_back({1, tokens, blocks});
  }
  return programs;
}

std::vector<Execution> plan_executions(const StepBatch& batch, const ProgramBuckets& buckets,
                                       const PoolLayout& layout) {
  return Planner(batch, buckets, layout).plan();
}

std::vector<int32_t> argument_values(const stablehlo::ProgramArgument& argument,
                                     const Execution& execution, const StepBatch& batch,
                                     const PoolLayout& layout) {
  std::vector<int32_t> values = padding(argument, layout);
  const auto tables = static_cast<size_t>(execution.sizes.table_blocks);
  for (const ExecutionRow& row : execution.rows) {
    const SequenceRun& run = batch.runs[row.run];
    const int first_position = position_of(batch, row);
    const auto first = static_cast<size_t>(row.place * execution.sizes.tokens_per_sequence);
    if (argument.role == ArgumentRole::kTables) {
      fill_table(run, layout, first_position + row.token_count,
                 std::span(values).subspan(static_cast<size_t>(row.place) * tables, tables));
    } else if (argument.role == ArgumentRole::kFirstBlock) {
      values[0] = pool_block(run, 0, layout);
    } else if (argument.role == ArgumentRole::kRows) {
      values[0] = row.token_count - 1;
    }
    for (int i = 0; i < row.token_count; ++i) {
      const size_t place = first + static_cast<size_t>(i);
      const int position = first_position + i;
      if (argument.role == ArgumentRole::kTokens) {
        values[place] = batch.tokens[static_cast<size_t>(row.first_token + i)];
      } else if (argument.role == ArgumentRole::kPositions) {
        values[place] = position;
      } else if (argument.role == ArgumentRole::kSlots) {
        values[2 * place] = pool_block(run, position, layout);
        values[2 * place + 1] = position % kBlockPositions;
      }
    }
  }
  return values;
}

}  // namespace puna::pjrt
