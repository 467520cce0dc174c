// Decoded rows are gathered until an execution is full or, with slots, has the sequence already.

#include "backend/pjrt/executions.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"

namespace puna::pjrt {
namespace {

using stablehlo::ArgumentRole;
using stablehlo::kBlockPositions;

bool is_decode(const ProgramSizes& sizes) { return sizes.tokens_per_sequence == 1; }

// Tokens in one execution.
int size_of(const ProgramSizes& sizes) { return sizes.sequences * sizes.tokens_per_sequence; }

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

int blocks_for_positions(int positions) {
  return (positions + kBlockPositions - 1) / kBlockPositions;
}

class Planner {
 public:
  Planner(const StepBatch& batch, const ProgramList& programs, const PoolLayout& layout)
      : batch_(batch), programs_(programs), layout_(layout) {
    for (const ProgramSizes& program : programs) {
      int& most = is_decode(program) ? sequences_max_ : chunk_max_;
      most = std::max(most, size_of(program));
    }
  }

  std::vector<Execution> plan() {
    for (size_t i = 0; i < batch_.runs.size(); ++i) prefill(i);
    for (size_t i = 0; i < batch_.runs.size(); ++i) decode(i);
    flush();
    return std::move(executions_);
  }

 private:
  // Tokens of a run that are prefilled: the first ones.
  int prefilled_count(const SequenceRun& run) const {
    if (chunk_max_ == 0) return 0;
    return std::clamp(run.prompt_count - run.first_position, 0, run.token_count);
  }

  std::optional<size_t> wanted_row(int token) const {
    const auto found =
        std::lower_bound(batch_.wanted_rows.begin(), batch_.wanted_rows.end(), token,
                         [](const WantedRow& row, int other) { return row.token < other; });
    if (found == batch_.wanted_rows.end() || found->token != token) return std::nullopt;
    return static_cast<size_t>(found - batch_.wanted_rows.begin());
  }

  // The last token of what is prefilled, when the sequence goes on from it.
  bool is_chosen_from(const SequenceRun& run, int token) const {
    const auto wanted = wanted_row(token);
    return wanted && batch_.wanted_rows[*wanted].use == RowUse::kChoose &&
           token == run.first_token + prefilled_count(run) - 1;
  }

  void want(Execution& execution, int token, int row) const {
    if (const auto wanted = wanted_row(token)) execution.logits.push_back({row, *wanted});
  }

  // The cheapest that has room.
  ProgramSizes program_for(bool decodes, int size, int positions) const {
    const int blocks = blocks_for_positions(positions);
    const ProgramSizes* best = nullptr;
    for (const ProgramSizes& program : programs_) {
      if (is_decode(program) != decodes || size_of(program) < size ||
          program.table_blocks < blocks) {
        continue;
      }
      const bool is_cheaper = best == nullptr || std::pair(size_of(program), program.table_blocks) <
                                                     std::pair(size_of(*best), best->table_blocks);
      if (is_cheaper) best = &program;
    }
    CHECK(best != nullptr, "a step is larger than the largest program");
    return *best;
  }

  void prefill(size_t index) {
    const SequenceRun& run = batch_.runs[index];
    const int all = prefilled_count(run);
    for (int done = 0; done < all; done += chunk_max_) {
      const int count = std::min(chunk_max_, all - done);
      Execution execution;
      execution.rows = {{0, index, run.first_token + done, count}};
      execution.sizes = program_for(false, count, run.first_position + done + count);
      const int last = run.first_token + done + count - 1;
      if (is_chosen_from(run, last)) want(execution, last, 0);
      executions_.push_back(std::move(execution));
    }
  }

  void decode(size_t index) {
    const SequenceRun& run = batch_.runs[index];
    const int prefilled = prefilled_count(run);
    for (int i = 0; i < run.token_count; ++i) {
      const int token = run.first_token + i;
      const bool writes = i >= prefilled;
      if (writes || (wanted_row(token) && !is_chosen_from(run, token))) {
        add_row({0, index, token, 1, writes});
      }
    }
  }

  void add_row(ExecutionRow row) {
    const int slot = batch_.runs[row.run].block_table[0];
    const auto has_slot = [&](const ExecutionRow& other) { return other.place == slot; };
    const bool is_full = std::ssize(rows_) == sequences_max_;
    if (is_full || (layout_.has_slots && std::any_of(rows_.begin(), rows_.end(), has_slot))) {
      flush();
    }
    row.place = layout_.has_slots ? slot : static_cast<int>(rows_.size());
    rows_.push_back(row);
  }

  void flush() {
    if (rows_.empty()) return;
    int positions = 0;
    for (const ExecutionRow& row : rows_) {
      positions = std::max(positions, position_of(batch_, row) + 1);
    }
    Execution execution;
    execution.sizes = program_for(true, static_cast<int>(rows_.size()), positions);
    // A program of one sequence finds its slot, wherever it is.
    if (execution.sizes.sequences == 1) rows_[0].place = 0;
    int places = 0;
    for (const ExecutionRow& row : rows_) places = std::max(places, row.place + 1);
    if (places > execution.sizes.sequences) execution.sizes = program_for(true, places, positions);
    for (const ExecutionRow& row : rows_) want(execution, row.first_token, row.place);
    execution.rows = std::exchange(rows_, {});
    executions_.push_back(std::move(execution));
  }

  const StepBatch& batch_;
  const ProgramList& programs_;
  const PoolLayout& layout_;
  int sequences_max_ = 0;
  int chunk_max_ = 0;               // 0: there are only programs that decode
  std::vector<ExecutionRow> rows_;  // to be decoded
  std::vector<Execution> executions_;
};

void fill_table(const SequenceRun& run, const PoolLayout& layout, int positions,
                std::span<int32_t> table) {
  const auto count = static_cast<size_t>(blocks_for_positions(positions));
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

ProgramList all_programs(const ProgramBuckets& buckets) {
  ProgramList programs;
  for (const int blocks : buckets.table_blocks) {
    for (const int sequences : buckets.sequences) programs.push_back({sequences, 1, blocks});
    for (const int tokens : buckets.prefill_tokens) programs.push_back({1, tokens, blocks});
  }
  return programs;
}

std::vector<Execution> plan_executions(const StepBatch& batch, const ProgramList& programs,
                                       const PoolLayout& layout) {
  return Planner(batch, programs, layout).plan();
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
      } else if (argument.role == ArgumentRole::kSlots && row.writes) {
        values[2 * place] = pool_block(run, position, layout);
        values[2 * place + 1] = position % kBlockPositions;
      }
    }
  }
  return values;
}

}  // namespace puna::pjrt
