// Helpers of the engine's tests: an engine over the fake backend, requests, and who listens to
// them.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "backend/backend.h"
#include "engine/engine.h"

namespace puna {

// Keeps what its sequence does.
class Recorder final : public SequenceListener {
 public:
  void on_scheduled(int cached_tokens) override {
    const std::lock_guard lock(mutex_);
    cached_tokens_ = cached_tokens;
  }
  void on_prompt_logprobs(std::vector<TokenChoice> choices) override {
    const std::lock_guard lock(mutex_);
    prompt_logprobs_ = std::move(choices);
  }
  void on_token(const TokenChoice& choice) override {
    const std::lock_guard lock(mutex_);
    choices_.push_back(choice);
    changed_.notify_all();
  }
  void on_finish(const SequenceEnd& end) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(end_) << "finished twice";
    end_ = end;
    changed_.notify_all();
  }

  EngineFinish wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return end_.has_value(); }));
    return end_ ? end_->finish : EngineFinish::kError;
  }
  void wait_for_a_token() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return !choices_.empty(); }));
  }
  std::vector<TokenId> tokens() {
    std::vector<TokenId> tokens;
    for (const TokenChoice& choice : choices()) tokens.push_back(choice.token);
    return tokens;
  }
  std::vector<TokenChoice> choices() {
    const std::lock_guard lock(mutex_);
    return choices_;
  }
  std::vector<TokenChoice> prompt_logprobs() {
    const std::lock_guard lock(mutex_);
    return prompt_logprobs_;
  }
  int cached_tokens() {
    const std::lock_guard lock(mutex_);
    return cached_tokens_;
  }
  SequenceEnd end() {
    const std::lock_guard lock(mutex_);
    return end_.value_or(SequenceEnd());
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TokenChoice> choices_;
  std::vector<TokenChoice> prompt_logprobs_;
  int cached_tokens_ = 0;
  std::optional<SequenceEnd> end_;
};

struct EngineSettings {
  int max_num_seqs = 8;
  int step_tokens_max = 64;
  int waiting_max = 100;
  int64_t kv_cache_bytes = 0;
  int step_microseconds = 0;
  bool enable_prefix_caching = true;
  int max_model_len = 512;
  bool has_priorities = false;
  bool is_repetitive = false;  // as FakeOptions has it
  SpeculationOptions speculation = {};
};

// The fake backend.
std::unique_ptr<Backend> open_fake(const EngineSettings& settings);
// On `backend`, or on the fake. On its clock a step takes no time, so that drafts cost nothing.
std::unique_ptr<Engine> open_engine(const EngineSettings& settings = {},
                                    std::unique_ptr<Backend> backend = nullptr);

// Letters; other numbers give other prompts.
std::vector<TokenId> prompt_number(int number, int size = 20);
// Sampled with a fixed seed, up to max_tokens.
EngineRequest request_of(std::vector<TokenId> prompt, std::shared_ptr<Recorder> recorder,
                         int max_tokens = 60);
// The whole answer to request_of().
std::vector<TokenId> answer_of(Engine& engine, const std::vector<TokenId>& prompt,
                               int max_tokens = 60);

}  // namespace puna
