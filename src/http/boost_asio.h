// Boost.Asio and Beast, included the same way by every file that speaks to the network.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/beast/core.hpp>

namespace puna {

namespace asio = boost::asio;
namespace beast = boost::beast;

// Operations give (error_code, result) instead of throwing.
inline constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

}  // namespace puna
