// QueueTokens: how many tokens of prompts wait for their first step. Thread-safe.
//
// Who wants to wait claims its tokens first; the claim gives them back when it goes. One that is
// longer than the limit may wait alone, or it could never be answered.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/status.h"

namespace puna {

class QueueTokens {
 public:
  explicit QueueTokens(int64_t tokens_max) : tokens_max_(tokens_max) {}  // 0: no limit

  int64_t waiting() const { return *waiting_; }
  // Null where there is no limit. kResourceExhausted: too many wait. A claim may outlive this.
  Result<std::shared_ptr<const void>> claim(int64_t tokens);

 private:
  const int64_t tokens_max_;
  const std::shared_ptr<std::atomic<int64_t>> waiting_ = std::make_shared<std::atomic<int64_t>>(0);
};

}  // namespace puna
