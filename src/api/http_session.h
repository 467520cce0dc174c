// One connection: requests one after the other, replies and streamed answers. Boost.Beast lives in
// http_session.cc and server.cc only.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>

#include "api/routes.h"

namespace puna {

// Shared by all connections.
struct SessionContext {
  Routes& routes;
  const uint64_t max_body_bytes;
  std::atomic<int> connections = 0;
  std::atomic<int> requests = 0;  // being answered
  std::atomic<bool> closing = false;
};

// Runs on the socket's strand until the client leaves. Never throws.
boost::asio::awaitable<void> serve_connection(SessionContext& context,
                                              boost::asio::ip::tcp::socket socket);

}  // namespace puna
