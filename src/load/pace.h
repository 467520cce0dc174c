// Pace: who asks when. A closed loop has users who ask, read, think and ask again; an open loop
// has requests that come when they come. Pure: no clock and no network.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "load/arrivals.h"
#include "load/load_profile.h"
#include "load/random_draws.h"
#include "load/scenario.h"

namespace puna {

inline constexpr double kPauseAfterFailureSeconds = 0.5;

struct Customer {
  uint64_t number;  // whose key it has
  Conversation conversation;
  RandomDraws draws;
};

// Which of several threads this is: each has its part of users and arrivals.
struct LoadShare {
  int index = 0, count = 1;
};

class Pace {
 public:
  virtual ~Pace() = default;
  // When somebody asks next, unless an answer changes that; nothing when nobody will.
  virtual std::optional<double> next() const = 0;
  // That moment has come: who asks. Nobody after all: nullptr, and there is another next().
  virtual Customer* take() = 0;
  // Of who was taken, once. `retry_after`: the customer is to come back with the same question.
  virtual void answered(Customer& customer, double now, std::string_view text) = 0;
  virtual void failed(Customer& customer, double now, std::optional<double> retry_after) = 0;
};

// `requests_left` is of all threads together; nullptr: there is no limit.
class ClosedLoop final : public Pace {
 public:
  ClosedLoop(LoadProfile users, double think_seconds, uint64_t seed, LoadShare share,
             std::shared_ptr<const Scenario> scenario, std::atomic<int64_t>* requests_left);

  std::optional<double> next() const override;
  Customer* take() override;
  void answered(Customer& customer, double now, std::string_view text) override;
  void failed(Customer& customer, double now, std::optional<double> retry_after) override;

 private:
  struct User {
    int index;
    uint64_t conversations = 0;
    Customer customer;
  };
  using Due = std::pair<double, size_t>;  // when, and whose place in users_

  User& user_of(const Customer& customer);
  void converse_anew(User& user);
  double think(Customer& customer) const;
  void ask_at(double seconds, const Customer& customer);

  const LoadProfile level_;
  const double think_seconds_;
  const LoadShare share_;
  const int users_max_;
  const std::shared_ptr<const Scenario> scenario_;
  std::atomic<int64_t>* const requests_left_;
  std::vector<User> users_;  // never grows after the constructor
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  bool is_over_ = false;
};

// An arrival asks the next question of a conversation that waits for one, else begins one: so
// requests come at their rate, whatever the server does. `requests_max` 0: there is no limit.
class OpenLoop final : public Pace {
 public:
  OpenLoop(LoadProfile rate, double think_seconds, uint64_t seed, LoadShare share,
           std::shared_ptr<const Scenario> scenario, int64_t requests_max);

  std::optional<double> next() const override { return next_; }
  Customer* take() override;
  void answered(Customer& customer, double now, std::string_view text) override;
  void failed(Customer& customer, double now, std::optional<double> retry_after) override;

 private:
  void draw_next();

  const double think_seconds_;
  const uint64_t seed_;
  const LoadShare share_;
  const std::shared_ptr<const Scenario> scenario_;
  const int64_t requests_max_;
  PoissonArrivals arrivals_;
  int64_t arrival_ = -1;  // index of next_, among those of all threads
  std::optional<double> next_;
  std::unordered_map<const Customer*, std::unique_ptr<Customer>> customers_;
  using Ready = std::pair<double, Customer*>;  // when it has thought
  std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready_;
};

}  // namespace puna
