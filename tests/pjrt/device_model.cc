// One sequence at a time.

#include "device_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "backend/test_plugin.h"

namespace puna {

Checkpoint golden_checkpoint(const std::string& name) {
  auto opened = open_checkpoint(std::filesystem::path("tests/golden/llama") / name);
  EXPECT_TRUE(opened.ok()) << opened.status().message();
  return opened.ok() ? std::move(opened).value() : Checkpoint();
}

BackendOptions device_options(const std::string& rules, int tp_degree) {
  BackendOptions options;
  options.max_model_len = 192;
  options.max_num_seqs = 4;
  options.step_tokens_max = 32;
  options.device = PjrtOptions{
      .device = reference_plugin(rules), .tp_degree = tp_degree, .weights = WeightFormat::kF32};
  return options;
}

PjrtOptions& device_of(BackendOptions& options) { return std::get<PjrtOptions>(options.device); }

StepBatch one_run(const std::vector<TokenId>& ids, size_t first, size_t last,
                  const Backend& backend, int first_block) {
  StepBatch batch;
  batch.tokens.assign(ids.begin() + static_cast<ptrdiff_t>(first),
                      ids.begin() + static_cast<ptrdiff_t>(last));
  SequenceRun run = {.first_token = 0,
                     .token_count = static_cast<int>(last - first),
                     .first_position = static_cast<int>(first),
                     .block_table = {}};
  if (first > 0 && run.token_count == 1) run.prompt_count = run.first_position;
  const int64_t blocks = blocks_for(static_cast<int64_t>(last), backend.traits().block_tokens);
  for (int i = 0; i < blocks; ++i) run.block_table.push_back(first_block + i);
  batch.runs.push_back(run);
  batch.wanted_rows.push_back({.token = run.token_count - 1});
  return batch;
}

Result<std::vector<TokenId>> greedy_tokens(Backend& backend, const std::vector<TokenId>& prompt,
                                           int count) {
  std::vector<TokenId> ids = prompt;
  size_t done = 0;
  for (int i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const StepResult result, backend.run(one_run(ids, done, ids.size(), backend)));
    done = ids.size();
    const auto row = result.logits.row(0);
    ids.push_back(static_cast<TokenId>(std::max_element(row.begin(), row.end()) - row.begin()));
  }
  return std::vector<TokenId>(ids.begin() + std::ssize(prompt), ids.end());
}

}  // namespace puna
