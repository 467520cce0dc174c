// One sequence over the backend's blocks 0, 1, 2, …

#include "golden_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/mapped_file.h"

namespace puna {
namespace {

constexpr size_t kGoldenBytesMax = 64 << 20;
constexpr int kMaxModelLen = 2048;

}  // namespace

Json read_golden(const std::filesystem::path& path) {
  const auto text = read_file(path, kGoldenBytesMax);
  EXPECT_TRUE(text.ok()) << text.status().message();
  if (!text.ok()) return {};
  auto golden = parse_json(*text);
  EXPECT_TRUE(golden.ok()) << path << ": " << golden.status().message();
  return golden.ok() ? std::move(golden).value() : Json();
}

GoldenModel::GoldenModel(const std::filesystem::path& checkpoint, WeightFormat weights) {
  open(checkpoint, weights);
}

void GoldenModel::open(const std::filesystem::path& checkpoint, WeightFormat weights) {
  auto opened = open_checkpoint(checkpoint);
  ASSERT_TRUE(opened.ok()) << opened.status().message() << " (run 'make fetch-models'?)";
  checkpoint_ = std::make_unique<Checkpoint>(std::move(opened).value());
  BackendOptions options;
  options.cpu().weights = weights;
  options.max_model_len = std::min(kMaxModelLen, checkpoint_->config.max_position_embeddings);
  options.max_num_seqs = 1;
  auto backend = open_backend(options, checkpoint_.get());
  ASSERT_TRUE(backend.ok()) << backend.status().message();
  backend_ = std::move(backend).value();
}

std::vector<std::vector<float>> GoldenModel::logits(const std::vector<TokenId>& ids, int chunk) {
  std::vector<std::vector<float>> all;
  for (size_t first = 0; first < ids.size(); first += static_cast<size_t>(chunk)) {
    const size_t last = std::min(ids.size(), first + static_cast<size_t>(chunk));
    const std::vector<TokenId> piece(ids.begin() + static_cast<ptrdiff_t>(first),
                                     ids.begin() + static_cast<ptrdiff_t>(last));
    for (auto& row : run(piece, static_cast<int>(first))) all.push_back(std::move(row));
  }
  return all;
}

std::vector<TokenId> GoldenModel::greedy(const std::vector<TokenId>& prompt, int count,
                                         TokenId end) {
  std::vector<TokenId> answer;
  std::vector<float> last = logits(prompt).back();
  while (static_cast<int>(answer.size()) < count) {
    const auto best = std::max_element(last.begin(), last.end()) - last.begin();
    answer.push_back(static_cast<TokenId>(best));
    if (answer.back() == end) break;
    last = run({answer.back()}, static_cast<int>(prompt.size() + answer.size()) - 1).back();
  }
  return answer;
}

std::vector<std::vector<float>> GoldenModel::run(const std::vector<TokenId>& ids,
                                                 int first_position) {
  const int count = static_cast<int>(ids.size());
  StepBatch batch;
  batch.tokens = ids;
  SequenceRun sequence;
  sequence.token_count = count;
  sequence.first_position = first_position;
  sequence.block_table.resize(
      static_cast<size_t>(blocks_for(first_position + count, backend_->traits().block_tokens)));
  std::iota(sequence.block_table.begin(), sequence.block_table.end(), 0);
  batch.runs.push_back(sequence);
  for (int i = 0; i < count; ++i) {
    batch.wanted_rows.push_back({.token = i, .use = RowUse::kScorePrompt});
  }
  const auto result = backend_->run(batch);
  EXPECT_TRUE(result.ok()) << result.status().message();
  std::vector<std::vector<float>> rows;
  for (size_t i = 0; i < ids.size() && result.ok(); ++i) {
    const auto row = result->logits.row(i);
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

}  // namespace puna
