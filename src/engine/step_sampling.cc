// A row is a piece of work of its own; which thread does it never changes its result.

#include "engine/step_sampling.h"

#include <utility>

#include "base/thread_pool.h"
#include "engine/logit_row.h"

namespace puna {
namespace {

void choose_token(StepRow& row) {
  if (row.use == RowUse::kChoose) {
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

}  // namespace

void choose_tokens(std::span<StepRow> rows, ThreadPool* pool) {
  const auto choose = [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) choose_token(rows[i]);
  };
  if (pool == nullptr) {
    choose(0, rows.size());
  } else {
    pool->parallel_for(rows.size(), 1, choose);
  }
}

}  // namespace puna
