// Transfers: many HTTP requests at once from one thread, each answered piece by piece.
//
// libcurl is behind transfers.cc: proxies are those of the environment, and so is a file of
// certificate authorities (SSL_CERT_FILE).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace puna {

enum class TransferFailure { kNone, kConnect, kTimeout, kCut };

struct TransferEnd {
  TransferFailure failure = TransferFailure::kNone;
  long status = 0;                 // 0: no head came
  double retry_after_seconds = 0;  // 0: not said
  std::string message;             // of a failure
};

// Who asked. Outlives its transfer; called on the thread of run_until().
class TransferListener {
 public:
  virtual ~TransferListener() = default;
  virtual void on_bytes(long status, std::string_view bytes) = 0;  // of the body
  virtual void on_end(const TransferEnd& end) = 0;                 // may start the next one
};

class Transfers {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Every request is a POST of JSON to `url`; one that takes longer than `timeout_seconds` fails.
  static Result<std::unique_ptr<Transfers>> open(std::string url, double timeout_seconds);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  void start(std::string body, const std::string& api_key, TransferListener& listener);
  // Reads and writes until there is something to read or write, at most until `latest`.
  void run_until(Time latest);
  // Without calling listeners.
  void drop_all();
  size_t running() const;

 private:
  struct State;
  explicit Transfers(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace puna
