// A change wakes the reader when there was nothing to read before. Wakes may be joined: two that
// come before the reader's turn are one turn.

#include "generate/token_feed.h"

#include <utility>

namespace puna {

TokenFeed::TokenFeed(const Clock& clock, ServiceRate& rate, std::shared_ptr<const void> queue_claim)
    : clock_(clock), rate_(rate), queue_claim_(std::move(queue_claim)), submitted_(clock.now()) {}

template <typename Change>
void TokenFeed::change(const Change& apply) {
  const std::lock_guard lock(mutex_);
  const bool was_empty = fed_.empty();
  apply(clock_.now());
  if (!was_empty || fed_.empty()) return;
  changed_.notify_all();
  if (wake_) wake_();
}

void TokenFeed::on_queued(const QueuePlace& place) {
  const double seconds = rate_.seconds_until(place.place, place.running);
  change([&](Clock::Time) { fed_.wait = QueueWait{.place = place.place, .seconds = seconds}; });
}

void TokenFeed::on_scheduled(int cached_tokens) {
  queue_claim_.reset();
  change([this, cached_tokens](Clock::Time now) {
    if (scheduled_) return;  // later ones follow a preemption
    scheduled_ = now;
    rate_.begin();
    cached_tokens_ = cached_tokens;
  });
}

void TokenFeed::on_prompt_logprobs(std::vector<TokenChoice> choices) {
  change([&](Clock::Time) { fed_.prompt = std::move(choices); });
}

void TokenFeed::on_token(const TokenChoice& choice) {
  change([&](Clock::Time now) {
    count_token(now);
    fed_.tokens.push_back(choice);
  });
}

void TokenFeed::on_finish(const SequenceEnd& end) {
  queue_claim_.reset();
  change([&](Clock::Time now) {
    finished_ = now;
    if (end.end_token) count_token(now);
    fed_.end = end;
    // What failed says nothing of how long an answer takes, nor what never ran.
    if (scheduled_ && end.finish != EngineFinish::kError) rate_.add(now - *scheduled_);
    if (scheduled_ && end.finish == EngineFinish::kError) rate_.drop();
  });
}

void TokenFeed::count_token(Clock::Time now) {
  if (!first_token_) first_token_ = now;
  if (last_token_) {
    const std::chrono::duration<double> interval = now - *last_token_;
    fed_.intervals.push_back(interval.count());
  }
  last_token_ = now;
}

TokenFeed::Fed TokenFeed::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(fed_, Fed());
}

TokenFeed::Fed TokenFeed::wait(std::chrono::nanoseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [this] { return !fed_.empty(); });
  return std::exchange(fed_, Fed());
}

void TokenFeed::wake_again() {
  const std::lock_guard lock(mutex_);
  if (wake_) wake_();
}

void TokenFeed::wake_if_fed() {
  const std::lock_guard lock(mutex_);
  if (wake_ && !fed_.empty()) wake_();
}

void TokenFeed::on_ready(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  if (wake_ && !fed_.empty()) wake_();
}

int TokenFeed::cached_tokens() const {
  const std::lock_guard lock(mutex_);
  return cached_tokens_;
}

GenerationTimings TokenFeed::timings() const {
  const std::lock_guard lock(mutex_);
  const Clock::Time now = finished_.value_or(clock_.now());
  GenerationTimings timings;
  timings.queued = scheduled_.value_or(now) - submitted_;
  timings.first_token = first_token_.value_or(now) - submitted_;
  if (first_token_) timings.decode = *last_token_ - *first_token_;
  timings.total = now - submitted_;
  return timings;
}

}  // namespace puna
