// A row, or a draft's rows one after the other, is a piece of work of its own; which thread does it
// never changes its result.

#include "engine/step_sampling.h"

#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "engine/logit_row.h"

namespace puna {
namespace {

void choose_token(StepRow& row) {
  if (row.use != RowUse::kScorePrompt) {
    auto choice = row.sampler->choose(row.logits);
    if (choice.ok()) {
      row.choice = *std::move(choice);
    } else {
      row.error = choice.status();
    }
  } else if (are_numbers(row.logits)) {
    row.choice = with_logprobs(row.next, row.logits, row.top_count);
  } else {
    row.error = not_numbers();
  }
}

bool accepts(const StepRow& row) {
  return row.use == RowUse::kVerifyDraft && row.error.ok() && row.choice.token == row.next;
}

}  // namespace

void choose_tokens(std::span<StepRow> rows, ThreadPool* pool) {
  std::vector<size_t> pieces;  // where each begins
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || rows[i - 1].use != RowUse::kVerifyDraft) pieces.push_back(i);
  }
  const auto choose = [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      size_t row = pieces[i];
      choose_token(rows[row]);
      while (accepts(rows[row])) choose_token(rows[++row]);
    }
  };
  if (pool == nullptr) {
    choose(0, pieces.size());
  } else {
    pool->parallel_for(pieces.size(), 1, choose);
  }
}

size_t accepted_count(std::span<const StepRow> rows) {
  size_t count = 0;
  while (count < rows.size() && accepts(rows[count])) ++count;
  return count;
}

}  // namespace puna
