// Every choice comes from the caller's generator, so a failure repeats with its seed.

#include "backend/test_sequences.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace puna {
namespace {

int pick(int low, int high, std::mt19937& random) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

void append_run(StepBatch& batch, const TestSequence& sequence, int count) {
  SequenceRun run;
  run.first_token = static_cast<int>(batch.tokens.size());
  run.token_count = count;
  run.first_position = sequence.done;
  run.block_table = sequence.block_table;
  run.prompt_count = sequence.prompt_count;
  for (int i = 0; i < count; ++i) {
    batch.wanted_rows.push_back({.token = run.first_token + i, .use = RowUse::kScorePrompt});
    batch.tokens.push_back(sequence.tokens[static_cast<size_t>(sequence.done + i)]);
  }
  batch.runs.push_back(run);
}

TestLogits rows_of(Backend& backend, const StepBatch& batch) {
  const auto result = backend.run(batch);
  EXPECT_TRUE(result.ok()) << result.status().message();
  TestLogits rows;
  for (size_t i = 0; result.ok() && i < batch.wanted_rows.size(); ++i) {
    const auto row = result->logits.row(i);
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

// Short chunks and single tokens are as likely as long ones.
int random_chunk(int left, std::mt19937& random) {
  const int longest = std::min(left, pick(0, 1, random) == 0 ? 3 : 100);
  return pick(1, longest, random);
}

}  // namespace

std::vector<TestSequence> random_sequences(int count, int tokens_max, const Backend& backend,
                                           std::mt19937& random) {
  const BackendLimits& limits = backend.limits();
  std::vector<int> blocks(static_cast<size_t>(limits.block_count));
  std::iota(blocks.begin(), blocks.end(), 0);
  std::shuffle(blocks.begin(), blocks.end(), random);
  std::vector<TestSequence> sequences(static_cast<size_t>(count));
  for (TestSequence& sequence : sequences) {
    sequence.tokens.resize(static_cast<size_t>(pick(1, tokens_max, random)));
    for (TokenId& token : sequence.tokens) token = pick(0, limits.vocab_size - 1, random);
    sequence.prompt_count = pick(1, static_cast<int>(sequence.tokens.size()), random);
    const auto needed =
        static_cast<size_t>(blocks_for(std::ssize(sequence.tokens), backend.traits().block_tokens));
    EXPECT_GE(blocks.size(), needed) << "too few blocks for the test";
    for (size_t i = 0; i < needed && !blocks.empty(); ++i) {
      sequence.block_table.push_back(blocks.back());
      blocks.pop_back();
    }
  }
  return sequences;
}

TestLogits run_alone(Backend& backend, TestSequence& sequence, int count) {
  StepBatch batch;
  append_run(batch, sequence, count);
  sequence.done += count;
  return rows_of(backend, batch);
}

std::vector<TestLogits> run_mixed(Backend& backend, std::vector<TestSequence> sequences,
                                  std::mt19937& random) {
  std::vector<TestLogits> all(sequences.size());
  for (;;) {
    std::vector<size_t> unfinished;
    for (size_t i = 0; i < sequences.size(); ++i) {
      if (sequences[i].done < std::ssize(sequences[i].tokens)) unfinished.push_back(i);
    }
    if (unfinished.empty()) return all;
    std::shuffle(unfinished.begin(), unfinished.end(), random);
    unfinished.resize(static_cast<size_t>(pick(1, static_cast<int>(unfinished.size()), random)));
    StepBatch batch;
    std::vector<size_t> owners;  // of each row of logits
    for (const size_t index : unfinished) {
      TestSequence& sequence = sequences[index];
      const int room = backend.limits().step_tokens_max - static_cast<int>(batch.tokens.size());
      const int left = static_cast<int>(sequence.tokens.size()) - sequence.done;
      if (room == 0) break;
      const int count = std::min(room, random_chunk(left, random));
      append_run(batch, sequence, count);
      sequence.done += count;
      owners.insert(owners.end(), static_cast<size_t>(count), index);
    }
    TestLogits rows = rows_of(backend, batch);
    if (rows.size() != owners.size()) return all;
    for (size_t i = 0; i < rows.size(); ++i) all[owners[i]].push_back(std::move(rows[i]));
  }
}

void expect_same_bits(const TestLogits& actual, const TestLogits& expected, const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].size(), expected[i].size());
    ASSERT_EQ(std::memcmp(actual[i].data(), expected[i].data(), actual[i].size() * sizeof(float)),
              0)
        << what << ": token " << i;
  }
}

void expect_equal(const TestLogits& actual, const TestLogits& expected, Exactness exactness,
                  const char* what) {
  if (exactness == Exactness::kBits) return expect_same_bits(actual, expected, what);
  constexpr float kTolerance = 0.05F;
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].size(), expected[i].size());
    for (size_t j = 0; j < actual[i].size(); ++j) {
      ASSERT_NEAR(actual[i][j], expected[i][j], kTolerance) << what << ": token " << i;
    }
  }
}

}  // namespace puna
