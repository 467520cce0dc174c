// The pool's thread leaves an outcome and wakes the connection, which takes it up.

#include "api/text_work.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "api/error_response.h"
#include "base/log.h"
#include "generate/service_rate.h"

namespace puna {
namespace {

// Between the two threads.
struct HandOver {
  std::atomic<bool> abandoned = false;
  std::mutex mutex;
  std::optional<HttpOutcome> outcome;  // guarded by mutex, as wake
  std::function<void()> wake;

  void put(HttpOutcome made) {
    const std::lock_guard lock(mutex);
    outcome = std::move(made);
    if (wake) wake();
  }
  std::optional<HttpOutcome> take() {
    const std::lock_guard lock(mutex);
    return std::exchange(outcome, std::nullopt);
  }
  void on_ready(const std::function<void()>& new_wake) {
    const std::lock_guard lock(mutex);
    wake = new_wake;
    if (wake && outcome) wake();
  }
};

HttpOutcome guarded(const TextWork& work, const std::atomic<bool>& abandoned) {
  try {
    return work(abandoned);
  } catch (const std::exception& failure) {
    log_error("a request's text could not be worked on: {}", failure.what());
    return to_reply(to_api_error(
        error(StatusCode::kInternal, "the server could not work on this text; it may lack memory"),
        0));
  }
}

class PendingOutcome final : public ReplyStream {
 public:
  explicit PendingOutcome(std::shared_ptr<HandOver> hand_over) : hand_over_(std::move(hand_over)) {}
  ~PendingOutcome() override {
    hand_over_->abandoned = true;
    hand_over_->on_ready(nullptr);
  }
  PendingOutcome(const PendingOutcome&) = delete;
  PendingOutcome& operator=(const PendingOutcome&) = delete;

  void on_ready(const std::function<void()>& wake) override {
    wake_ = wake;
    if (answer_ != nullptr) return answer_->on_ready(wake);
    hand_over_->on_ready(wake);
  }

  // Whether there will be events is not known before the text is read.
  bool begin_events() override {
    take_up();
    return answer_ != nullptr && answer_->begin_events();
  }

  ReplyPart poll() override {
    take_up();
    if (answer_ != nullptr) return answer_->poll();
    ReplyPart part;
    part.last = reply_.has_value();
    part.reply = std::exchange(reply_, std::nullopt);
    return part;
  }

 private:
  void take_up() {
    if (answer_ != nullptr || reply_) return;
    std::optional<HttpOutcome> outcome = hand_over_->take();
    if (!outcome) return;
    if (auto* reply = std::get_if<HttpReply>(&*outcome)) {
      reply_ = std::move(*reply);
      return;
    }
    answer_ = std::move(std::get<std::unique_ptr<ReplyStream>>(*outcome));
    answer_->on_ready(wake_);
  }

  const std::shared_ptr<HandOver> hand_over_;
  std::function<void()> wake_;
  std::optional<HttpReply> reply_;  // or answer_, once the text is read
  std::unique_ptr<ReplyStream> answer_;
};

}  // namespace

int text_retry_after_seconds(const TextPool& pool, size_t bytes) {
  const double seconds = std::clamp<double>(pool.wait_seconds(bytes), 1, kRetryAfterSecondsMax);
  return static_cast<int>(std::ceil(seconds));
}

HttpOutcome on_text_pool(TextPool& pool, size_t bytes, int engine_wait_seconds, TextWork work) {
  auto hand_over = std::make_shared<HandOver>();
  const Status taken = pool.run(bytes, [hand_over, work = std::move(work)] {
    if (hand_over->abandoned) return;
    hand_over->put(guarded(work, hand_over->abandoned));
  });
  if (!taken.ok()) {
    const int text_wait = text_retry_after_seconds(pool, bytes);
    return to_reply(to_api_error(taken, std::max(engine_wait_seconds, text_wait)));
  }
  return std::make_unique<PendingOutcome>(std::move(hand_over));
}

}  // namespace puna
