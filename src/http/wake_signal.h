// WakeSignal: lets the engine's thread wake a coroutine on its connection's strand.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "http/boost_asio.h"

namespace puna {

class WakeSignal : public std::enable_shared_from_this<WakeSignal> {
 public:
  explicit WakeSignal(const asio::any_io_executor& strand) : strand_(strand), timer_(strand) {}

  // From any thread; never blocks. Wakes that come before the coroutine has run are one.
  void wake() {
    if (posted_.exchange(true)) return;
    asio::post(strand_, [self = shared_from_this()] {
      self->posted_.store(false);
      self->woken_ = true;
      self->timer_.cancel();
    });
  }

  // On the strand: true when woken since the last wait, false after `limit`.
  asio::awaitable<bool> wait(std::chrono::steady_clock::duration limit) {
    if (!woken_) {
      timer_.expires_after(limit);
      co_await timer_.async_wait(kNoThrow);
    }
    const bool woken = woken_;
    woken_ = false;
    co_return woken;
  }

 private:
  asio::any_io_executor strand_;
  asio::steady_timer timer_;         // on the strand only, as woken_
  std::atomic<bool> posted_{false};  // a wake is on its way
  bool woken_ = false;
};

}  // namespace puna
