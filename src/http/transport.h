// Transport: the bytes of one connection, in both directions, each step with a limit of time.
//
// Everything goes through here and nothing to the socket, so that an encrypted connection can be
// another transport. Used on the connection's strand only.
#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "http/boost_asio.h"

namespace puna {

class Transport {
 public:
  using Duration = std::chrono::steady_clock::duration;

  explicit Transport(beast::tcp_stream stream) : stream_(std::move(stream)) {}

  asio::any_io_executor strand() { return stream_.get_executor(); }

  // Appends what has come to `buffer`. False at the end of the connection or of `limit` (which ends
  // the connection), and after interrupt().
  asio::awaitable<bool> read_some(beast::flat_buffer& buffer, size_t bytes_max, Duration limit) {
    stream_.expires_after(limit);
    co_return co_await read(buffer, bytes_max);
  }

  // The same without a limit, and while others write.
  asio::awaitable<bool> watch(beast::flat_buffer& buffer, size_t bytes_max) {
    stream_.expires_never();
    co_return co_await read(buffer, bytes_max);
  }

  // Writes all the pieces; `limit` is for each step forward, so that a large reply may take long
  // and a reader that stands still may not.
  asio::awaitable<bool> write(std::array<std::string_view, 3> pieces, Duration limit) {
    size_t index = 0;
    while (index < pieces.size()) {
      std::array<asio::const_buffer, 3> rest;
      for (size_t i = 0; i < pieces.size(); ++i) {
        rest[i] = asio::const_buffer(pieces[i].data(), i < index ? 0 : pieces[i].size());
      }
      stream_.expires_after(limit);
      auto [code, size] = co_await stream_.async_write_some(rest, kNoThrow);
      if (code) co_return false;
      while (index < pieces.size() && size >= pieces[index].size()) size -= pieces[index++].size();
      if (index < pieces.size()) pieces[index].remove_prefix(size);
    }
    co_return true;
  }

  // What waits for bytes returns, and the connection goes on.
  void interrupt() { stream_.cancel(); }

  void end_writing() {
    beast::error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }

  void close() { stream_.close(); }

 private:
  asio::awaitable<bool> read(beast::flat_buffer& buffer, size_t bytes_max) {
    const auto [code, size] = co_await stream_.async_read_some(buffer.prepare(bytes_max), kNoThrow);
    buffer.commit(size);
    co_return !code;
  }

  beast::tcp_stream stream_;
};

}  // namespace puna
