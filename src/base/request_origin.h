// RequestOrigin: whose request it is, until when it matters and under which trace. Plain data that
// travels from the door to the engine's sequence.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"

namespace puna {

// Which of those with an API key, from 1 on; 0 where a server has no keys.
using ClientIndex = int;

// What the header `traceparent` says (W3C Trace Context); all zero: the request has no trace.
struct TraceContext {
  std::array<uint8_t, 16> trace_id{};
  std::array<uint8_t, 8> span_id{};
  uint8_t flags = 0;
};

inline Clock::Time after(Clock::Time time, double seconds) {
  return time +
         std::chrono::duration_cast<Clock::Time::duration>(std::chrono::duration<double>(seconds));
}

struct RequestOrigin {
  ClientIndex client = 0;
  std::string client_name;              // of its key: what logs call it
  std::string request_id;               // as in X-Request-Id
  Clock::Time arrived;                  // its head
  std::optional<Clock::Time> deadline;  // the answer ends then, with what there is of it
  TraceContext trace;
};

}  // namespace puna
