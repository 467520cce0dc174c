// One connection: reads requests with limits, sends what the handler answers, notices a client that
// leaves.
#pragma once

#include <atomic>
#include <memory>

#include "http/boost_asio.h"
#include "http/http_handler.h"

namespace puna {

// What all connections of a server share.
struct ConnectionContext {
  HttpHandler& handler;
  size_t max_body_bytes;
  std::atomic<int>& busy;  // connections between a request's first byte and its answer's last
};

// Serves requests one after another until the client leaves or breaks a limit. `stream` lives on a
// strand, and the coroutine runs there.
asio::awaitable<void> serve_connection(ConnectionContext context, beast::tcp_stream stream);

}  // namespace puna
