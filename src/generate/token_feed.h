// TokenFeed: hands one sequence's tokens from the engine's thread to the stream's reader.
//
// The engine's thread only appends and wakes; turning tokens into text is the reader's work.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "generate/generation_stream.h"
#include "generate/service_rate.h"

namespace puna {

class TokenFeed final : public SequenceListener {
 public:
  // What has come since it was last taken.
  struct Fed {
    std::vector<TokenChoice> tokens;
    std::vector<double> intervals;  // seconds before each token but the sequence's first
    std::optional<std::vector<TokenChoice>> prompt;  // logprobs of its tokens but the first
    std::optional<QueueWait> wait;                   // as it was known last
    std::optional<SequenceEnd> end;

    bool empty() const { return tokens.empty() && !prompt && !wait && !end; }
  };

  // Clock and rate outlive it. `rate` learns how long the sequence held its slot. `queue_claim`
  // goes when the sequence begins.
  TokenFeed(const Clock& clock, ServiceRate& rate, std::shared_ptr<const void> queue_claim = {});

  void on_queued(const QueuePlace& place) override;
  void on_scheduled(int cached_tokens) override;
  void on_prompt_logprobs(std::vector<TokenChoice> choices) override;
  void on_token(const TokenChoice& choice) override;
  void on_finish(const SequenceEnd& end) override;

  Fed take();
  Fed wait(std::chrono::nanoseconds timeout);
  // Wakes the reader, who has left something for its next turn.
  void wake_again();
  // Wakes the reader if something has come that was not taken.
  void wake_if_fed();
  // `wake` runs under the feed's lock: it must not block and must not call the feed. After
  // on_ready(nullptr) has returned it is not running and never runs again.
  void on_ready(std::function<void()> wake);

  GenerationTimings timings() const;
  int cached_tokens() const;  // 0 before the first step

 private:
  template <typename Change>
  void change(const Change& apply);
  void count_token(Clock::Time now);

  const Clock& clock_;
  ServiceRate& rate_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const void> queue_claim_;  // the engine's thread alone
  Fed fed_;                                  // guarded by mutex_, as all below
  std::function<void()> wake_;
  Clock::Time submitted_;
  int cached_tokens_ = 0;
  std::optional<Clock::Time> scheduled_, first_token_, last_token_, finished_;
};

}  // namespace puna
