// HTTP/1.0 knows no chunks: a stream ends with its connection there.

#include "http/reply_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/letter_case.h"

namespace puna {
namespace {

HttpHeaders joined(HttpHeaders common, const HttpHeaders& own) {
  std::erase_if(common, [&](const auto& one) {
    return std::any_of(own.begin(), own.end(),
                       [&](const auto& other) { return same_letters(one.first, other.first); });
  });
  common.insert(common.end(), own.begin(), own.end());
  return common;
}

}  // namespace

void ReplyWriter::begin(ReplyContext context) {
  context_ = std::move(context);
  stream_is_open_ = false;
}

void ReplyWriter::set_headers(const HttpHeaders& headers) {
  context_.headers = joined(std::move(context_.headers), headers);
}

asio::awaitable<bool> ReplyWriter::write(std::string_view first, std::string_view second,
                                         std::string_view third) {
  const std::array<std::string_view, 3> pieces = {first, second, third};
  return transport_.write(pieces, limits_.write);
}

asio::awaitable<bool> ReplyWriter::send(const HttpReply& reply) {
  ReplyHead head;
  head.status = reply.status;
  head.content_type = reply.content_type;
  head.headers = joined(context_.headers, reply.headers);
  head.keep_alive = context_.keep_alive;
  head.is_http_1_0 = context_.is_http_1_0;
  head.body_bytes = reply.body.size();
  const std::string text = to_text(head, std::time(nullptr));
  const std::string_view body = context_.is_head ? std::string_view() : reply.body;
  const bool sent = co_await write(text, body);
  co_return sent;
}

asio::awaitable<bool> ReplyWriter::send_continue() {
  return write("HTTP/1.1 100 Continue\r\n\r\n");
}

asio::awaitable<bool> ReplyWriter::open_stream() {
  stream_is_open_ = true;
  if (context_.is_http_1_0) context_.keep_alive = false;
  ReplyHead head;
  head.content_type = "text/event-stream; charset=utf-8";
  head.headers = context_.headers;
  head.headers.emplace_back("Cache-Control", "no-cache");
  head.headers.emplace_back("X-Accel-Buffering", "no");  // nginx passes each event on at once
  head.keep_alive = context_.keep_alive;
  head.is_http_1_0 = context_.is_http_1_0;
  const std::string text = to_text(head, std::time(nullptr));
  const bool sent = co_await write(text);
  co_return sent;
}

asio::awaitable<bool> ReplyWriter::send_events(std::string_view events) {
  if (!stream_is_open_) {
    const bool opened = co_await open_stream();
    if (!opened) co_return false;
  }
  const std::string size = fmt::format("{:x}\r\n", events.size());
  const bool chunked = !context_.is_http_1_0;
  const std::string_view before = chunked ? std::string_view(size) : std::string_view();
  const std::string_view after = chunked ? "\r\n" : "";
  const bool sent = co_await write(before, events, after);
  co_return sent;
}

asio::awaitable<bool> ReplyWriter::end_stream() {
  const std::string_view last = context_.is_http_1_0 ? "" : "0\r\n\r\n";
  return write(last);
}

}  // namespace puna
