// What is read from a step's rows of logits: chosen tokens and log-probabilities of prompts, all
// rows of a step at once.
#pragma once

#include <span>

#include "backend/step_batch.h"
#include "base/status.h"
#include "engine/engine.h"
#include "engine/sampler.h"

namespace puna {

class ThreadPool;

// One wanted row of a step.
struct StepRow {
  size_t run_index = 0;  // of StepPlan::runs
  RowUse use = RowUse::kChoose;
  Sampler* sampler = nullptr;  // of what is chosen: its sequence's, of no other run's rows
  TokenId next = 0;            // kScorePrompt, kVerifyDraft: the token that follows
  int top_count = 0;           // kScorePrompt: alternatives beside it
  std::span<float> logits = {};

  TokenChoice choice = {};
  Status error =
      {};  // there is no choice: the logits are no numbers, or the parameters leave no token
};

// Fills choice or error of every row, in parallel where there is a pool. A kVerifyDraft row is
// followed by a row of the same run, which is looked at only when what was chosen here is what
// follows there: so each token is chosen as if it came alone. No other row depends on another.
void choose_tokens(std::span<StepRow> rows, ThreadPool* pool);

// Drafted tokens that were chosen, of one run's rows from its first that chooses.
size_t accepted_count(std::span<const StepRow> rows);

}  // namespace puna
