// All of a client's use is behind one lock, which is held for some additions.

#include "api/key_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace puna {
namespace {

constexpr double kMinute = 60;
// What rounding of many additions may leave.
constexpr double kRounding = 1e-6;

ApiError refused(std::string message) {
  ApiError error = bad_request(std::move(message));
  error.status = 429;
  error.type = "rate_limit_error";
  error.code = "rate_limit_exceeded";
  return error;
}

ApiError refused_for(double seconds, std::string message) {
  ApiError error = refused(std::move(message));
  error.retry_after_seconds = std::max(1, static_cast<int>(std::ceil(seconds)));
  return error;
}

// "6m0s", "1s", "20ms": as OpenAI writes it.
std::string duration_text(std::chrono::duration<double> duration) {
  const auto ms = static_cast<int64_t>(std::ceil(duration.count() * 1000));
  if (ms > 0 && ms < 1000) return fmt::format("{}ms", ms);
  const int64_t seconds = (ms + 999) / 1000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  return fmt::format("{}m{}s", seconds / 60, seconds % 60);
}

void add_headers(const char* what, RateBucket& bucket, Clock::Time now, HttpHeaders& headers) {
  if (bucket.capacity() == 0) return;
  const auto add = [&](const char* kind, std::string value) {
    headers.emplace_back(fmt::format("x-ratelimit-{}-{}", kind, what), std::move(value));
  };
  add("limit", std::to_string(bucket.capacity()));
  add("remaining", std::to_string(bucket.remaining(now)));
  add("reset", duration_text(bucket.time_until(bucket.capacity(), now)));
}

}  // namespace

void RateBucket::set_capacity(int64_t per_minute) {
  available_ += static_cast<double>(per_minute - capacity_);
  capacity_ = per_minute;
}

void RateBucket::fill(Clock::Time now) {
  const std::chrono::duration<double> passed = now - filled_.value_or(now);
  const auto capacity = static_cast<double>(capacity_);
  available_ = std::min(capacity, available_ + passed.count() * capacity / kMinute);
  filled_ = now;
}

int64_t RateBucket::remaining(Clock::Time now) {
  fill(now);
  return std::max<int64_t>(0, static_cast<int64_t>(std::floor(available_ + kRounding)));
}

std::chrono::duration<double> RateBucket::time_until(int64_t amount, Clock::Time now) {
  fill(now);
  const double missing = static_cast<double>(amount) - available_;
  if (capacity_ == 0 || missing <= kRounding) return std::chrono::duration<double>(0);
  return std::chrono::duration<double>(missing * kMinute / static_cast<double>(capacity_));
}

void RateBucket::take(int64_t amount, Clock::Time now) {
  fill(now);
  available_ -= static_cast<double>(amount);
}

void RateBucket::give_back(int64_t amount, Clock::Time now) { take(-amount, now); }

KeyMeter::Use& KeyMeter::use_of(const ApiClient& client) {
  Use& use = uses_[client.index];
  use.requests.set_capacity(client.limits.requests_per_minute);
  use.tokens.set_capacity(client.limits.tokens_per_minute);
  return use;
}

std::shared_ptr<KeyMeter::Ticket> KeyMeter::ticket(const ApiClient& client) {
  if (!client.limits.any()) return nullptr;
  return std::make_shared<Ticket>(*this, client);
}

std::optional<ApiError> KeyMeter::Ticket::begin(double mean_seconds) {
  const std::lock_guard lock(meter_.mutex_);
  const Clock::Time now = meter_.clock_.now();
  Use& use = meter_.use_of(client_);
  const int64_t concurrent_max = client_.limits.concurrent_max;
  if (concurrent_max > 0 && use.running >= concurrent_max) {
    return refused_for(mean_seconds / static_cast<double>(concurrent_max),
                       fmt::format("the key of {} may have {} requests at once (max-concurrent), "
                                   "and so many are being answered; try again when one has ended",
                                   client_.name, concurrent_max));
  }
  const auto wait = use.requests.time_until(1, now);
  if (wait.count() > 0) {
    return refused_for(wait.count(),
                       fmt::format("the key of {} may make {} requests a minute, and they are used "
                                   "up; try again in {}",
                                   client_.name, use.requests.capacity(), duration_text(wait)));
  }
  if (use.requests.capacity() > 0) use.requests.take(1, now);
  ++use.running;
  runs_ = true;
  return std::nullopt;
}

std::optional<ApiError> KeyMeter::Ticket::reserve(int64_t tokens, int64_t least) {
  const std::lock_guard lock(meter_.mutex_);
  const Clock::Time now = meter_.clock_.now();
  Use& use = meter_.use_of(client_);
  const int64_t capacity = use.tokens.capacity();
  if (capacity == 0) return std::nullopt;
  if (least > capacity) {
    ApiError error = refused(fmt::format(
        "this request may take {} tokens, prompt and max_tokens together, and the key of {} may "
        "use {} a minute; shorten it or ask for fewer",
        least, client_.name, capacity));
    error.is_final = true;
    return error;
  }
  tokens = std::min(tokens, capacity);
  const auto wait = use.tokens.time_until(tokens, now);
  if (wait.count() > 0) {
    return refused_for(
        wait.count(),
        fmt::format("the key of {} may use {} tokens a minute; {} are left, and this request may "
                    "take {}; try again in {}",
                    client_.name, capacity, use.tokens.remaining(now), tokens,
                    duration_text(wait)));
  }
  use.tokens.take(tokens, now);
  reserved_ += tokens;
  return std::nullopt;
}

void KeyMeter::Ticket::settle(int64_t tokens) {
  const std::lock_guard lock(meter_.mutex_);
  Use& use = meter_.use_of(client_);
  if (use.tokens.capacity() > 0 && reserved_ > 0) {
    use.tokens.give_back(reserved_ - tokens, meter_.clock_.now());
  }
  reserved_ = 0;
}

void KeyMeter::Ticket::end() {
  if (reserved_ > 0) settle(0);
  const std::lock_guard lock(meter_.mutex_);
  if (runs_) --meter_.use_of(client_).running;
  runs_ = false;
}

HttpHeaders KeyMeter::Ticket::headers() const {
  const std::lock_guard lock(meter_.mutex_);
  const Clock::Time now = meter_.clock_.now();
  Use& use = meter_.use_of(client_);
  HttpHeaders headers;
  add_headers("requests", use.requests, now, headers);
  add_headers("tokens", use.tokens, now, headers);
  return headers;
}

}  // namespace puna
