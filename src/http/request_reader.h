// RequestReader: reads one request after the other from a transport, within the limits.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/byte_budget.h"
#include "http/http_limits.h"
#include "http/request_head.h"
#include "http/transport.h"

namespace puna {

struct RequestBody {
  std::string bytes;
  std::shared_ptr<ByteBudget::Claim> claim;  // what the bytes take of the server's budget
  std::optional<HttpError> error;            // why it is not whole
  bool gone = false;                         // the client has left instead
};

class RequestReader {
 public:
  RequestReader(Transport& transport, const HttpLimits& limits)
      : transport_(transport), limits_(limits) {}

  // False when the client has nothing more to say.
  asio::awaitable<bool> wait_for_request();
  // Nothing when the client has left.
  asio::awaitable<std::optional<RequestHead>> read_head();
  // Claims the body's bytes as far as its head says them; an error when it is not worth asking for.
  RequestBody open_body(const RequestHead& head, const std::shared_ptr<ByteBudget>& budget) const;
  asio::awaitable<void> read_body(const RequestHead& head, RequestBody& body);
  // What is wrong with as much of the body as has come already.
  std::optional<HttpError> body_error(const RequestHead& head) const;
  // Whether the body of a refused request is small enough to drop it and to go on, and its end is
  // known. False for one that waits for "100 Continue": nobody knows whether it comes.
  bool can_discard(const RequestHead& head) const;
  // False when the connection cannot go on.
  asio::awaitable<bool> discard_body(const RequestHead& head);
  // Returns only when the client has closed. Bytes of a pipelined request are kept.
  asio::awaitable<void> watch_for_close();
  // Reads and drops what still comes: closing with unread bytes would reset the connection, and the
  // client could lose our last words.
  asio::awaitable<void> linger();

  // The request that is being read ends in a 503. On the connection's strand.
  void interrupt();
  bool has_unread_bytes() const { return buffer_.size() > 0; }

 private:
  class Deadline;

  std::string_view unread() const;
  RequestHead cut_head(HttpError error);
  asio::awaitable<bool> more(RequestBody& body, Deadline& deadline);
  asio::awaitable<void> read_length(uint64_t length, RequestBody& body);
  asio::awaitable<void> read_chunks(RequestBody& body);

  Transport& transport_;
  const HttpLimits& limits_;
  beast::flat_buffer buffer_;
  bool interrupted_ = false;
  bool reading_ = false;  // a request; what interrupt() may end
};

}  // namespace puna
