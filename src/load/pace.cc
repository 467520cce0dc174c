// Users by their index and arrivals by theirs, so that a seed gives the same run on any number of
// threads, as far as the server's answers allow.

#include "load/pace.h"

#include <algorithm>
#include <cmath>

namespace puna {
namespace {

constexpr uint64_t kCustomerStream = uint64_t{1} << 48U;

Customer new_customer(uint64_t seed, uint64_t number, const Scenario& scenario) {
  return {number, Conversation(scenario.script(number)),
          RandomDraws(seed, kCustomerStream + number)};
}

}  // namespace

ClosedLoop::ClosedLoop(LoadProfile users, double think_seconds, uint64_t seed, LoadShare share,
                       std::shared_ptr<const Scenario> scenario,
                       std::atomic<int64_t>* requests_left)
    : level_(std::move(users)),
      think_seconds_(think_seconds),
      share_(share),
      users_max_(static_cast<int>(std::lround(level_.peak()))),
      scenario_(std::move(scenario)),
      requests_left_(requests_left) {
  for (int index = share.index; index < users_max_; index += share.count) {
    users_.push_back({index, 0, new_customer(seed, static_cast<uint64_t>(index), *scenario_)});
    // Whoever comes is in the middle of thinking: else all would ask at once.
    if (const auto comes = level_.user_comes(index, 0)) {
      ask_at(*comes + think(users_.back().customer), users_.back().customer);
    }
  }
}

std::optional<double> ClosedLoop::next() const {
  if (is_over_ || due_.empty()) return std::nullopt;
  return due_.top().first;
}

Customer* ClosedLoop::take() {
  const auto [seconds, place] = due_.top();
  due_.pop();
  User& user = users_[place];
  if (!level_.user_is_there(user.index, seconds)) {
    converse_anew(user);
    if (const auto back = level_.user_comes(user.index, seconds)) ask_at(*back, user.customer);
    return nullptr;
  }
  is_over_ = requests_left_ != nullptr && requests_left_->fetch_sub(1) <= 0;
  return is_over_ ? nullptr : &user.customer;
}

void ClosedLoop::answered(Customer& customer, double now, std::string_view text) {
  customer.conversation.answered(text);
  if (!customer.conversation.has_question()) converse_anew(user_of(customer));
  ask_at(now + think(customer), customer);
}

void ClosedLoop::failed(Customer& customer, double now, std::optional<double> retry_after) {
  if (retry_after) {
    ask_at(now + *retry_after, customer);
    return;
  }
  converse_anew(user_of(customer));
  ask_at(now + std::max(kPauseAfterFailureSeconds, think(customer)), customer);
}

ClosedLoop::User& ClosedLoop::user_of(const Customer& customer) {
  const int index = static_cast<int>(customer.number);
  return users_[static_cast<size_t>((index - share_.index) / share_.count)];
}

void ClosedLoop::converse_anew(User& user) {
  ++user.conversations;
  const uint64_t number = user.conversations * static_cast<uint64_t>(users_max_);
  user.customer.conversation =
      Conversation(scenario_->script(number + static_cast<uint64_t>(user.index)));
}

double ClosedLoop::think(Customer& customer) const {
  return think_seconds_ > 0 ? think_seconds_ * customer.draws.exponential() : 0;
}

void ClosedLoop::ask_at(double seconds, const Customer& customer) {
  const int index = static_cast<int>(customer.number);
  due_.emplace(seconds, static_cast<size_t>((index - share_.index) / share_.count));
}

OpenLoop::OpenLoop(LoadProfile rate, double think_seconds, uint64_t seed, LoadShare share,
                   std::shared_ptr<const Scenario> scenario, int64_t requests_max)
    : think_seconds_(think_seconds),
      seed_(seed),
      share_(share),
      scenario_(std::move(scenario)),
      requests_max_(requests_max),
      arrivals_(std::move(rate), seed) {
  draw_next();
}

void OpenLoop::draw_next() {
  do {
    next_ = arrivals_.next();
    ++arrival_;
    if (requests_max_ > 0 && arrival_ >= requests_max_) next_.reset();
  } while (next_ && arrival_ % share_.count != share_.index);
}

Customer* OpenLoop::take() {
  const double now = *next_;
  const auto number = static_cast<uint64_t>(arrival_);
  draw_next();
  if (!ready_.empty() && ready_.top().first <= now) {
    Customer* const customer = ready_.top().second;
    ready_.pop();
    return customer;
  }
  auto customer = std::make_unique<Customer>(new_customer(seed_, number, *scenario_));
  Customer* const taken = customer.get();
  customers_.emplace(taken, std::move(customer));
  return taken;
}

void OpenLoop::answered(Customer& customer, double now, std::string_view text) {
  customer.conversation.answered(text);
  if (!customer.conversation.has_question()) {
    customers_.erase(&customer);
    return;
  }
  ready_.emplace(now + think_seconds_ * customer.draws.exponential(), &customer);
}

void OpenLoop::failed(Customer& customer, double now, std::optional<double> retry_after) {
  if (retry_after) {
    ready_.emplace(now + *retry_after, &customer);
  } else {
    customers_.erase(&customer);
  }
}

}  // namespace puna
