// Connection: reads requests with limits, sends what the handler answers, notices a client that
// leaves.
//
// Everything happens on the connection's strand; the functions for other threads post to it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "http/byte_budget.h"
#include "http/http_handler.h"
#include "http/reply_writer.h"
#include "http/request_reader.h"
#include "http/wake_signal.h"

namespace puna {

// What all connections of a server share; outlives them.
struct ConnectionContext {
  HttpHandler& handler;
  const HttpLimits& limits;
  std::shared_ptr<ByteBudget> body_budget;
  std::atomic<int> busy{0};  // connections between a request's first byte and its answer's last
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `crowded`: there are more than the server is meant for; vital requests are answered all the
  // same.
  Connection(ConnectionContext& context, beast::tcp_stream stream, bool crowded);

  // Serves requests one after another until the client leaves or breaks a limit.
  static asio::awaitable<void> serve(std::shared_ptr<Connection> connection);

  // From any thread.
  using Time = std::chrono::steady_clock::time_point;
  // Nothing while a request is read or answered; later than now for one that has just come.
  std::optional<Time> idle_since() const;
  void close_if_idle();
  void cut();  // what is still read of a request ends in a 503

 private:
  asio::awaitable<void> run();
  asio::awaitable<bool> wait_for_request();
  asio::awaitable<bool> serve_request();
  asio::awaitable<bool> refuse(const RequestHead& head, const HttpReply& reply);
  asio::awaitable<bool> respond(RequestHead& head);
  asio::awaitable<bool> send_stream(std::unique_ptr<ReplyStream> stream);
  asio::awaitable<bool> produce(ReplyStream& stream, WakeSignal& signal);
  HttpReply error_reply(const HttpError& error);
  HttpOutcome handle(HttpRequest request);
  ReplyPart poll(ReplyStream& stream);

  ConnectionContext& context_;
  Transport transport_;
  RequestReader reader_;
  ReplyWriter writer_;
  const bool crowded_;
  std::atomic<Time::rep> idle_since_{0};     // 0: not idle
  bool served_ = false;                      // a request has come before
  std::optional<HttpReply> streamed_reply_;  // what a stream became instead of events
  int status_ = 200;                         // of the answer at hand
};

}  // namespace puna
