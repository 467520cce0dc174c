// A generator over the fake backend and the byte tokenizer, for tests of what it does.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "generate/generator.h"

namespace puna {

inline constexpr int kTestModelLen = 512;

struct ReadAnswer {
  std::string text;
  std::vector<TokenId> tokens;
  std::vector<TokenLogprob> logprobs, prompt_logprobs;
  FinishReason finish = FinishReason::kNone;
  std::optional<std::string> stop_reason;
  GenerationUsage usage;
};

class GeneratorTest : public ::testing::Test {
 protected:
  GeneratorTest() : generator_(open(0)) {}

  static std::unique_ptr<Generator> open(int step_microseconds, int waiting_max = 64);
  static std::unique_ptr<Generator> open(std::unique_ptr<Backend> backend, int waiting_max = 64);
  static std::unique_ptr<Generator> open(std::unique_ptr<Backend> backend, int waiting_max,
                                         const Clock& clock, int default_max_tokens = 0,
                                         bool prefix_cache_per_key = false);
  static std::unique_ptr<Backend> open_backend(int step_microseconds);

  static GenerationRequest chat(const std::string& text);  // 40 tokens, greedy
  ReadAnswer read_all(const GenerationRequest& request);
  Status refusal(const GenerationRequest& request) { return generator_->start(request).status(); }
  bool becomes_idle() const;

  std::unique_ptr<Generator> generator_;
};

}  // namespace puna
