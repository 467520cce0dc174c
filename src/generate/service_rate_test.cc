// What a client is told when it should come back, held against a queue that is played through.

#include "generate/service_rate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <queue>
#include <random>
#include <vector>

#include "generate/test_waits.h"

namespace puna {
namespace {

using std::chrono::duration;
using std::chrono::seconds;

using Draw = std::function<double(std::mt19937_64&)>;  // seconds

struct Load {
  int slots, queue;
  double overload;  // arrivals in units of what the slots can serve
  double mean_seconds;
  Draw slot_seconds;
};

// Slots and a bounded queue in simulated time: first come, first served, and a full queue refuses.
class Simulation {
 public:
  explicit Simulation(const Load& load) : load_(load) {}

  std::vector<ToldWait> run(int arrivals) {
    const double rate = load_.overload * load_.slots / load_.mean_seconds;
    std::exponential_distribution<double> gap(rate);
    double now = 0;
    for (int i = 0; i < arrivals; ++i) {
      now += gap(random_);
      end_until(now);
      arrive(now);
    }
    end_until(std::numeric_limits<double>::infinity());
    return refused();
  }

 private:
  struct Turned {
    double now;
    int told, waiting;
  };
  using Ends =
      std::priority_queue<std::pair<double, double>, std::vector<std::pair<double, double>>,
                          std::greater<>>;  // when, in the slot since

  void arrive(double now) {
    if (static_cast<int>(running_.size()) < load_.slots) return begin(now);
    if (waiting_ < load_.queue) {
      ++waiting_;
      return;
    }
    turned_.push_back({now, rate_.retry_after_seconds(load_.slots, waiting_), waiting_});
  }
  void begin(double now) { running_.emplace(now + load_.slot_seconds(random_), now); }
  void end_until(double time) {
    while (!running_.empty() && running_.top().first <= time) {
      const auto [ended, began] = running_.top();
      running_.pop();
      ends_.push_back(ended);
      rate_.add(duration<double>(ended - began));
      if (waiting_ == 0) continue;
      --waiting_;
      begin(ended);
    }
  }
  // It would have begun when all before it had, and one more slot was free.
  std::vector<ToldWait> refused() const {
    std::vector<ToldWait> all;
    for (const Turned& one : turned_) {
      const auto next = std::upper_bound(ends_.begin(), ends_.end(), one.now);
      if (ends_.end() - next <= one.waiting) break;
      all.push_back({static_cast<double>(one.told), next[one.waiting] - one.now});
    }
    return all;
  }

  const Load load_;
  std::mt19937_64 random_{11};
  ServiceRate rate_;
  Ends running_;
  int waiting_ = 0;
  std::vector<double> ends_;
  std::vector<Turned> turned_;
};

Draw always(double value) {
  return [value](std::mt19937_64&) { return value; };
}
Draw exponential(double mean) {
  return [mean](std::mt19937_64& random) {
    return std::exponential_distribution<double>(1 / mean)(random);
  };
}
// Nine short answers and a long one.
Draw mixed(double mean) {
  return [mean](std::mt19937_64& random) {
    return mean * (std::uniform_int_distribution<int>(0, 9)(random) == 0 ? 5.5 : 0.5);
  };
}

void expect_honest(const Load& load) {
  expect_honest(
      Simulation(load).run(40 * (load.slots + load.queue)), 100, 0.15,
      fmt::format("{} slots, {} wait, {} times the load", load.slots, load.queue, load.overload));
}

TEST(ServiceRate, IsOneSecondWhenNothingIsKnown) {
  EXPECT_EQ(ServiceRate().retry_after_seconds(8, 100), 1);
}

TEST(ServiceRate, SaysWhenAQueueThatOverflowsReallyMoves) {
  for (const double overload : {1.2, 2.0}) {
    for (const double mean : {4.0, 30.0}) {
      for (const Draw& draw : {always(mean), exponential(mean), mixed(mean)}) {
        expect_honest({64, 256, overload, mean, draw});
        expect_honest({4, 64, overload, mean, draw});
        expect_honest({1, 256, overload, mean, draw});
      }
    }
  }
}

TEST(ServiceRate, StaysWithinItsBounds) {
  ServiceRate rate;
  rate.add(seconds(1000));
  EXPECT_EQ(rate.retry_after_seconds(1, 1), 2000) << "a long wait is told as it is";
  EXPECT_EQ(rate.retry_after_seconds(1, 100000), kRetryAfterSecondsMax);
  EXPECT_EQ(rate.retry_after_seconds(0, 0), 1000) << "nobody runs: one at a time";
}

TEST(ServiceRate, ForgetsOldLoad) {
  ServiceRate rate;
  rate.add(seconds(50));
  for (int i = 0; i < 400; ++i) rate.add(seconds(2));
  EXPECT_EQ(rate.retry_after_seconds(1, 0), 3);  // 2.1 rounded up
}

}  // namespace
}  // namespace puna
