// ClientWatch: wakes the coroutine that answers a request: when tokens have come, when the client
// has gone, or when it is time for a sign of life. Lives on the connection's strand.
#pragma once

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

namespace puna {

class ClientWatch : public std::enable_shared_from_this<ClientWatch> {
 public:
  explicit ClientWatch(boost::asio::ip::tcp::socket& socket)
      : socket_(&socket), timer_(socket.get_executor()) {}

  // Notices a client that closes. One that sends its next request early is not watched any more.
  void begin() {
    socket_->async_wait(boost::asio::ip::tcp::socket::wait_read,
                        [self = shared_from_this()](const boost::system::error_code& failure) {
                          self->on_readable(failure);
                        });
  }
  void end() {
    boost::system::error_code ignored;
    socket_->cancel(ignored);
    socket_ = nullptr;
  }

  // From any thread.
  void wake_later() {
    boost::asio::post(timer_.get_executor(), [self = shared_from_this()] { self->wake(); });
  }

  bool gone() const { return gone_; }

  // True when woken, false when `limit` has passed.
  boost::asio::awaitable<bool> wait(std::chrono::milliseconds limit) {
    if (!woken_) {
      timer_.expires_after(limit);
      co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    const bool was_woken = woken_;
    woken_ = false;
    co_return was_woken;
  }

 private:
  void wake() {
    woken_ = true;
    timer_.cancel();
  }

  void on_readable(const boost::system::error_code& failure) {
    if (failure || socket_ == nullptr) return;
    char byte = 0;
    const auto count = ::recv(socket_->native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count > 0) return;
    gone_ = true;
    wake();
  }

  boost::asio::ip::tcp::socket* socket_;  // null after end()
  boost::asio::steady_timer timer_;
  bool woken_ = false;
  bool gone_ = false;
};

}  // namespace puna
