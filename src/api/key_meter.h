// KeyMeter: what clients whose keys have limits have used of them. Thread-safe.
//
// Requests and tokens of a minute are buckets that fill again all the time; whoever finds one empty
// is told when it will be full enough. Tokens are taken for the prompt and the longest answer, and
// what was not used of them is given back.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/auth.h"
#include "api/error_response.h"
#include "base/clock.h"

namespace puna {

// Holds what may be used in a minute, and fills again within one.
class RateBucket {
 public:
  // Keeps what has been used.
  void set_capacity(int64_t per_minute);
  int64_t capacity() const { return capacity_; }  // 0: no limit
  int64_t remaining(Clock::Time now);
  // Until it holds so much, which is at most its capacity; 0: it does.
  std::chrono::duration<double> time_until(int64_t amount, Clock::Time now);
  void take(int64_t amount, Clock::Time now);
  void give_back(int64_t amount, Clock::Time now);

 private:
  void fill(Clock::Time now);

  int64_t capacity_ = 0;
  double available_ = 0;  // below 0 after an answer that was longer than what was taken for it
  std::optional<Clock::Time> filled_;
};

class KeyMeter {
 public:
  explicit KeyMeter(const Clock& clock) : clock_(clock) {}

  // What one request of a client has taken; destroying it ends it.
  class Ticket {
   public:
    Ticket(KeyMeter& meter, const ApiClient& client) : meter_(meter), client_(client) {}
    ~Ticket() { end(); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    // Counts as a request and as one of those at once, or says why not (429). `mean_seconds` is
    // how long the client's requests take.
    std::optional<ApiError> begin(double mean_seconds);
    // Takes tokens for prompts and answers, of which `least` are certain: where that is less, an
    // answer of open length is taken as long as the limit allows.
    std::optional<ApiError> reserve(int64_t tokens, int64_t least);
    // So many were used.
    void settle(int64_t tokens);
    // Nothing of it runs any more.
    void end();
    // x-ratelimit-…, as OpenAI has them.
    HttpHeaders headers() const;

   private:
    KeyMeter& meter_;
    const ApiClient client_;
    bool runs_ = false;
    int64_t reserved_ = 0;
  };

  // Nothing when its key has no limits. The meter outlives it.
  std::shared_ptr<Ticket> ticket(const ApiClient& client);

 private:
  struct Use {
    RateBucket requests, tokens;
    int64_t running = 0;
  };
  Use& use_of(const ApiClient& client);

  const Clock& clock_;
  std::mutex mutex_;
  std::map<ClientIndex, Use> uses_;  // guarded by mutex_
};

}  // namespace puna
