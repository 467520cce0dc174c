// Helpers of the backends' tests: random sequences and running them through a backend in pieces.
#pragma once

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "backend/backend.h"

namespace puna {

struct TestSequence {
  std::vector<TokenId> tokens;
  std::vector<int> block_table;  // enough for all tokens
  int prompt_count = std::numeric_limits<int>::max();
  int done = 0;  // tokens that have been run
};

// Rows of logits, one for each token.
using TestLogits = std::vector<std::vector<float>>;

// Sequences of 1 to `tokens_max` random tokens, some of them generated, in blocks that no other
// sequence has, in random order.
std::vector<TestSequence> random_sequences(int count, int tokens_max, const Backend& backend,
                                           std::mt19937& random);

// Runs the next `count` tokens of one sequence as a batch of its own, with all their logits.
TestLogits run_alone(Backend& backend, TestSequence& sequence, int count);

// Runs all sequences to their ends in steps that mix random chunks of random sequences. Element i
// has the logits of sequence i.
std::vector<TestLogits> run_mixed(Backend& backend, std::vector<TestSequence> sequences,
                                  std::mt19937& random);

// Fails unless both are the same, bit for bit.
void expect_same_bits(const TestLogits& actual, const TestLogits& expected, const char* what);
// The same bits where `exactness` promises them for steps that differ; else close.
void expect_equal(const TestLogits& actual, const TestLogits& expected, Exactness exactness,
                  const char* what);

}  // namespace puna
