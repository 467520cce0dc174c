// Two copies of one sequence, each in blocks of its own: the second is prefilled in other chunks
// and then decoded beside the first, in the last row.

#include "backend/pjrt/bucket_probe.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace puna::pjrt {
namespace {

// Long enough that attention sums over most of the smallest context, and still a fraction of a
// second.
constexpr int kPositionsMax = 1000;

using Logits = std::vector<float>;  // of a row

bool same_bits(const Logits& a, const Logits& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class Probe {
 public:
  Probe(const DevicePlan& plan, StepPrograms& programs)
      : plan_(plan), programs_(programs), all_(programs.sizes()) {
    for (const ProgramSizes& sizes : all_) {
      ProgramSizes& largest = sizes.tokens_per_sequence == 1 ? decode_ : prefill_;
      if (largest.table_blocks == 0 || largest < sizes) largest = sizes;
    }
    const int smallest_context = std::min_element(all_.begin(), all_.end(),
                                                  [](const auto& a, const auto& b) {
                                                    return a.table_blocks < b.table_blocks;
                                                  })
                                     ->table_blocks *
                                 stablehlo::kBlockPositions;
    const int chunk = std::max(prefill_.tokens_per_sequence, 1);
    prompt_count_ = std::max(1, std::min({2 * chunk, kPositionsMax, smallest_context - 1,
                                          plan.limits.max_model_len - 1}));
    copy_blocks_ = static_cast<int>(blocks_for(prompt_count_ + 1, plan.layout.block_tokens));
    copies_ = plan.limits.block_count >= 2 * copy_blocks_ ? 2 : 1;
  }

  Result<ProbeFindings> run() {
    ProbeFindings findings;
    ASSIGN_OR_RETURN(const Logits prompt, read_prompt(0, prefill_, chunk_of(prefill_)));
    const int other_cut = std::max(1, chunk_of(prefill_) * 5 / 8);
    ASSIGN_OR_RETURN(const Logits cut, read_prompt(copies_ - 1, prefill_, other_cut));
    const bool cuts_agree = same_bits(cut, prompt);
    ASSIGN_OR_RETURN(const auto alone, decode(decode_, 1));
    ASSIGN_OR_RETURN(const auto beside, decode(decode_, copies_));
    const bool company_agrees = agree(beside, alone[0]);
    for (const ProgramSizes& sizes : all_) {
      if (sizes.tokens_per_sequence > 1 || sizes == decode_) continue;
      ASSIGN_OR_RETURN(const auto rows, decode(sizes, copies_));
      if (!agree(rows, alone[0])) findings.differing.push_back(sizes);
    }
    // Last, for it writes K and V of its own.
    for (const ProgramSizes& sizes : all_) {
      if (sizes.tokens_per_sequence == 1 || sizes == prefill_) continue;
      ASSIGN_OR_RETURN(const Logits row, read_prompt(0, sizes, chunk_of(sizes)));
      if (!same_bits(row, prompt)) findings.differing.push_back(sizes);
    }
    std::sort(findings.differing.begin(), findings.differing.end());
    if (cuts_agree && company_agrees) {
      findings.others = Exactness::kBits;
      return findings;
    }
    ASSIGN_OR_RETURN(const Logits again, read_prompt(0, prefill_, chunk_of(prefill_)));
    findings.others = same_bits(again, prompt) ? Exactness::kWithinStep : Exactness::kTolerance;
    return findings;
  }

 private:
  bool has_prefill() const { return prefill_.table_blocks > 0; }
  int chunk_of(const ProgramSizes& sizes) const { return std::max(sizes.tokens_per_sequence, 1); }

  static bool agree(const std::vector<Logits>& rows, const Logits& expected) {
    return std::all_of(rows.begin(), rows.end(),
                       [&](const Logits& row) { return same_bits(row, expected); });
  }

  // Tokens [first, first + count) of a copy, as a run.
  void add_run(int copy, int first, int count, StepBatch& batch) const {
    SequenceRun run = {.first_token = static_cast<int>(batch.tokens.size()),
                       .token_count = count,
                       .first_position = first,
                       .block_table = {}};
    for (int i = 0; i < copy_blocks_; ++i) run.block_table.push_back(copy * copy_blocks_ + i);
    for (int i = 0; i < count; ++i) {
      batch.tokens.push_back((7919 * (first + i) + 1) % plan_.limits.vocab_size);
    }
    batch.runs.push_back(std::move(run));
  }

  // The last row of the prompt, cut into chunks.
  Result<Logits> read_prompt(int copy, const ProgramSizes& sizes, int cut) {
    Logits row;
    for (int first = 0; first < prompt_count_; first += cut) {
      const int count = std::min(cut, prompt_count_ - first);
      StepBatch batch;
      add_run(copy, first, count, batch);
      Execution execution = {.sizes = has_prefill() ? sizes : decode_,
                             .rows = {{place_of(copy, decode_), 0, 0, count}},
                             .logits = {{place_of(copy, decode_), 0}}};
      if (has_prefill()) execution.rows[0].place = execution.logits[0].row = 0;
      ASSIGN_OR_RETURN(auto rows, execute(execution, batch));
      row = std::move(rows[0]);
    }
    return row;
  }

  // The token after the prompt, of the first copies that the program has places for.
  Result<std::vector<Logits>> decode(const ProgramSizes& sizes, int copies) {
    StepBatch batch;
    Execution execution;
    execution.sizes = sizes;
    for (int copy = 0; copy < std::min(copies, sizes.sequences); ++copy) {
      add_run(copy, prompt_count_, 1, batch);
      const int place = place_of(copy, sizes);
      execution.rows.push_back({place, static_cast<size_t>(copy), copy, 1});
      execution.logits.push_back({place, static_cast<size_t>(copy)});
    }
    return execute(execution, batch);
  }

  // The first row, and the last; with slots, that of its slot.
  int place_of(int copy, const ProgramSizes& sizes) const {
    if (sizes.sequences == 1 || copy == 0) return 0;
    return plan_.layout.has_slots ? copy : sizes.sequences - 1;
  }

  Result<std::vector<Logits>> execute(const Execution& execution, const StepBatch& batch) {
    const auto width = static_cast<size_t>(plan_.limits.vocab_size);
    Logits all(execution.logits.size() * width);
    RETURN_IF_ERROR(programs_.run(execution, batch, all).with_context(describe(execution.sizes)));
    std::vector<Logits> rows;
    for (auto first = all.begin(); first != all.end(); first += static_cast<ptrdiff_t>(width)) {
      rows.emplace_back(first, first + static_cast<ptrdiff_t>(width));
    }
    return rows;
  }

  const DevicePlan& plan_;
  StepPrograms& programs_;
  const ProgramList all_;
  ProgramSizes decode_ = {0, 1, 0};   // the largest
  ProgramSizes prefill_ = {0, 0, 0};  // the same; no blocks: there is none
  int prompt_count_ = 0;
  int copy_blocks_ = 0;
  int copies_ = 1;
};

}  // namespace

Result<ProbeFindings> probe_programs(const DevicePlan& plan, StepPrograms& programs) {
  return Probe(plan, programs).run();
}

}  // namespace puna::pjrt
