// ReplyWriter: sends the reply to one request after the other, whole or as a stream of events.
#pragma once

#include <string_view>

#include "http/http_limits.h"
#include "http/reply_head.h"
#include "http/transport.h"

namespace puna {

// What the reply needs to know of its request.
struct ReplyContext {
  HttpHeaders headers;  // that every reply to it carries
  bool is_head = false, is_http_1_0 = false, keep_alive = false;
};

// Each function gives false when the client is gone.
class ReplyWriter {
 public:
  ReplyWriter(Transport& transport, const HttpLimits& limits)
      : transport_(transport), limits_(limits) {}

  void begin(ReplyContext context);
  bool keep_alive() const { return context_.keep_alive; }
  // Of every reply to the request from now on; those of the same names go.
  void set_headers(const HttpHeaders& headers);
  void end_connection() { context_.keep_alive = false; }
  bool stream_is_open() const { return stream_is_open_; }

  asio::awaitable<bool> send(const HttpReply& reply);
  asio::awaitable<bool> send_continue();  // "100 Continue": the body may come
  asio::awaitable<bool> open_stream();
  asio::awaitable<bool> send_events(std::string_view events);  // opens the stream if need be
  asio::awaitable<bool> end_stream();

 private:
  asio::awaitable<bool> write(std::string_view first, std::string_view second = {},
                              std::string_view third = {});

  Transport& transport_;
  const HttpLimits& limits_;
  ReplyContext context_;
  bool stream_is_open_ = false;
};

}  // namespace puna
