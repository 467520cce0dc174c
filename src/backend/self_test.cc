// Blocks 0 and 1 are the two readings'; nothing else has a use for them yet.

#include "backend/self_test.h"

#include <algorithm>
#include <cmath>

namespace puna {
namespace {

// A step of four rows takes hardly longer than one of a single row; more take longer.
constexpr size_t kPromptTokensMax = 3;

void add_run(std::span<const TokenId> tokens, int first_position, int block, StepBatch& batch) {
  batch.runs.push_back({.first_token = static_cast<int>(batch.tokens.size()),
                        .token_count = static_cast<int>(tokens.size()),
                        .first_position = first_position,
                        .block_table = {block}});
  batch.tokens.insert(batch.tokens.end(), tokens.begin(), tokens.end());
  batch.wanted_rows.push_back({.token = static_cast<int>(batch.tokens.size()) - 1});
}

// The row of logits of the batch's last run.
Result<std::vector<float>> last_row(Backend& backend, const StepBatch& batch) {
  ASSIGN_OR_RETURN(const StepResult result, backend.run(batch));
  const std::span<float> row = result.logits.row(batch.wanted_rows.size() - 1);
  if (!std::all_of(row.begin(), row.end(), [](float one) { return std::isfinite(one); })) {
    return error(StatusCode::kInternal,
                 "a fixed prompt gives logits that are not numbers (NaN or infinite); the "
                 "weights may be damaged: fetch the checkpoint again");
  }
  return std::vector<float>(row.begin(), row.end());
}

}  // namespace

Status self_test(Backend& backend, std::span<const TokenId> prompt) {
  const BackendLimits& limits = backend.limits();
  const auto room = static_cast<size_t>(std::max(limits.max_model_len - 1, 1));
  const auto step_room = static_cast<size_t>(std::max(limits.step_tokens_max - 1, 1));
  prompt = prompt.first(std::min({prompt.size(), room, step_room, kPromptTokensMax}));
  StepBatch alone;
  add_run(prompt, 0, 0, alone);
  ASSIGN_OR_RETURN(const std::vector<float> first, last_row(backend, alone));

  const Exactness exactness = backend.traits().exactness;
  const bool has_company = exactness == Exactness::kBits && limits.block_count > 1 &&
                           limits.step_runs_max > 1 && limits.step_tokens_max > 1 &&
                           limits.max_model_len > 1;
  StepBatch again;
  if (has_company) {
    const auto likeliest =
        static_cast<TokenId>(std::max_element(first.begin(), first.end()) - first.begin());
    add_run(std::span(&likeliest, 1), static_cast<int>(prompt.size()), 0, again);
  }
  add_run(prompt, 0, has_company ? 1 : 0, again);
  ASSIGN_OR_RETURN(const std::vector<float> second, last_row(backend, again));
  if (first == second || exactness == Exactness::kTolerance) return {};
  return error(StatusCode::kInternal,
               "the backend computes a fixed prompt differently the second time; the machine's "
               "memory or processor may be faulty");
}

}  // namespace puna
