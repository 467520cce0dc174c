// A count that claims share with the queue.

#include "generate/queue_tokens.h"

#include <utility>

namespace puna {
namespace {

struct Claim {
  Claim(std::shared_ptr<std::atomic<int64_t>> count, int64_t held)
      : waiting(std::move(count)), tokens(held) {}
  ~Claim() { *waiting -= tokens; }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  const std::shared_ptr<std::atomic<int64_t>> waiting;
  const int64_t tokens;
};

}  // namespace

Result<std::shared_ptr<const void>> QueueTokens::claim(int64_t tokens) {
  if (tokens_max_ == 0) return std::shared_ptr<const void>();
  int64_t before = *waiting_;
  do {
    if (before > 0 && tokens > tokens_max_ - before) {
      return error(StatusCode::kResourceExhausted,
                   "the queue is full: prompts of {} tokens wait, and with this one's {} they "
                   "would be more than {} (--max-num-queued-tokens); try again later",
                   before, tokens, tokens_max_);
    }
  } while (!waiting_->compare_exchange_weak(before, before + tokens));
  return std::shared_ptr<const void>(std::make_shared<const Claim>(waiting_, tokens));
}

}  // namespace puna
