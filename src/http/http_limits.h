// HttpLimits: what a client may take of a server, each with its default. Plain data.
#pragma once

#include <chrono>
#include <cstddef>

namespace puna {

struct HttpLimits {
  size_t body_bytes_max = 10 << 20;          // of one request
  size_t total_body_bytes_max = 64 << 20;    // of all requests that are read or worked on
  int connections_max = 4096;                // more are told that the server is full
  int crowded_max = 64;                      // beyond connections_max; more wait to be accepted
  size_t header_bytes_max = 32 << 10;        // request line and header together
  size_t pipelined_bytes_max = 64 << 10;     // read ahead while an answer is sent
  size_t discarded_bytes_max = 64 << 10;     // of a refused body, so that the connection can stay
  std::chrono::milliseconds idle{75'000};    // between requests
  std::chrono::milliseconds header{15'000};  // from a request's first byte to its header's end
  // A body must bring this many bytes, or its end, in each such while.
  std::chrono::milliseconds body{20'000};
  size_t body_progress_bytes = 32 << 10;
  std::chrono::milliseconds write{30'000};      // for each step forward of what is sent
  std::chrono::milliseconds heartbeat{15'000};  // a stream is never silent for longer
  std::chrono::milliseconds linger{5'000};      // for the client to read our last words
};

}  // namespace puna
