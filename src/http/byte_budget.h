// ByteBudget: how many bytes of request bodies a server holds at once. Thread-safe.
//
// Who wants to hold bytes claims them first; a claim gives its bytes back when it goes.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace puna {

class ByteBudget : public std::enable_shared_from_this<ByteBudget> {
 public:
  explicit ByteBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  size_t bytes_max() const { return bytes_max_; }
  size_t bytes_used() const { return bytes_used_.load(); }

  class Claim {
   public:
    explicit Claim(std::shared_ptr<ByteBudget> budget) : budget_(std::move(budget)) {}
    ~Claim() { budget_->bytes_used_ -= bytes_; }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    // Holds `bytes` in all; false, and nothing changes, when the budget has no room for more.
    bool grow_to(size_t bytes) {
      if (bytes <= bytes_) return true;
      if (!budget_->take(bytes - bytes_)) return false;
      bytes_ = bytes;
      return true;
    }

   private:
    const std::shared_ptr<ByteBudget> budget_;
    size_t bytes_ = 0;
  };

  std::shared_ptr<Claim> claim() { return std::make_shared<Claim>(shared_from_this()); }

 private:
  bool take(size_t bytes) {
    size_t used = bytes_used_.load();
    do {
      if (bytes > bytes_max_ - used) return false;
    } while (!bytes_used_.compare_exchange_weak(used, used + bytes));
    return true;
  }

  const size_t bytes_max_;
  std::atomic<size_t> bytes_used_{0};  // never above bytes_max_
};

}  // namespace puna
