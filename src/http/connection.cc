// Reading has four limits: idle time, header time and size, body time and size. A slow reader is
// cut off when one write takes too long.

#include "http/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http.hpp>
#include <cctype>

#include "http/wake_signal.h"

namespace puna {
namespace {

namespace http = beast::http;
using asio::experimental::awaitable_operators::operator||;
using std::chrono::seconds;

constexpr size_t kHeaderBytesMax = 32 << 10;
constexpr size_t kPipelinedBytesMax = 64 << 10;
constexpr size_t kLingerBytesMax = 64 << 20;
constexpr seconds kIdleTimeout{75};
constexpr seconds kHeaderTimeout{15};
constexpr seconds kBodyTimeout{60};
constexpr seconds kWriteTimeout{30};
constexpr seconds kLingerTimeout{5};
constexpr seconds kHeartbeat{15};
constexpr std::string_view kPing = ": ping\n\n";

using Parser = http::request_parser<http::string_body>;

HttpRequest to_request(http::request<http::string_body>&& message) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  if (beast::iequals(request.target.substr(0, 7), "http://")) {  // as proxies ask
    request.target.erase(0, std::min(request.target.find('/', 7), request.target.size()));
  }
  request.is_http_1_0 = message.version() < 11;
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& letter : name) letter = static_cast<char>(std::tolower(letter));
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

// The answer to what could not be read as a request.
HttpError read_error(const beast::error_code& code, size_t max_body_bytes) {
  if (code == http::error::body_limit) {
    return {413, "body_too_large",
            fmt::format("the body is over the limit of {} bytes; the limit is --max-body-bytes",
                        max_body_bytes)};
  }
  if (code == http::error::header_limit || code == http::error::buffer_overflow) {
    return {431, "", fmt::format("the header is over the limit of {} bytes", kHeaderBytesMax)};
  }
  return {400, "", fmt::format("not a valid HTTP request: {}", code.message())};
}

// Where the body ends and whom the request is for must be beyond doubt, or a proxy in front could
// see other requests than we do.
std::optional<HttpError> check_header(const http::request<http::string_body>& message) {
  const auto hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() >= 11)) {
    return HttpError{400, "", "the request needs one Host header"};
  }
  const std::string_view encoding = message[http::field::transfer_encoding];
  if (message.count(http::field::transfer_encoding) > 1 ||
      (!encoding.empty() && !beast::iequals(encoding, "chunked"))) {
    return HttpError{501, "", "the only Transfer-Encoding is chunked"};
  }
  const std::string_view expectation = message[http::field::expect];
  if (!expectation.empty() && !beast::iequals(expectation, "100-continue")) {
    return HttpError{417, "", "the only Expect is 100-continue"};
  }
  return std::nullopt;
}

class Connection {
 public:
  Connection(ConnectionContext context, beast::tcp_stream stream)
      : context_(context), stream_(std::move(stream)) {}

  asio::awaitable<void> run();

 private:
  enum class Read { kRequest, kAnswered, kGone };

  asio::awaitable<bool> wait_for_request();
  asio::awaitable<Read> read_request(HttpRequest& request, bool& keep_alive);
  asio::awaitable<void> refuse(const HttpError& error);
  asio::awaitable<beast::error_code> accept_body(const Parser& parser);
  asio::awaitable<bool> respond(HttpRequest request, bool keep_alive);
  asio::awaitable<bool> send_reply(const HttpReply& reply);
  asio::awaitable<bool> send_answer(std::unique_ptr<ReplyStream> answer);
  asio::awaitable<bool> produce(ReplyStream& answer, WakeSignal& signal);
  asio::awaitable<bool> send_events(std::string_view events);
  asio::awaitable<bool> send_last_chunk();
  asio::awaitable<bool> send_event_header();
  asio::awaitable<void> watch_for_close();
  asio::awaitable<void> linger();

  ConnectionContext context_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{kHeaderBytesMax + kPipelinedBytesMax};
  // of the request that is being answered
  HttpHeaders headers_;
  bool is_head_ = false, is_http_1_0_ = false, keep_alive_ = false;
  bool stream_open_ = false;                 // the header of an event stream is out
  std::optional<HttpReply> streamed_reply_;  // what an answer became instead of events
  int status_ = 200;
};

struct BusyGuard {
  explicit BusyGuard(std::atomic<int>& counter) : busy(counter) { ++busy; }
  ~BusyGuard() { --busy; }
  BusyGuard(const BusyGuard&) = delete;
  BusyGuard& operator=(const BusyGuard&) = delete;
  std::atomic<int>& busy;
};

asio::awaitable<void> Connection::run() {
  // No co_await behind && here or below: g++ 12 awaits it in a loop's condition all the same.
  for (bool goes_on = true; goes_on;) {
    goes_on = co_await wait_for_request();
    if (!goes_on) break;
    const BusyGuard busy(context_.busy);
    HttpRequest request;
    bool keep_alive = false;
    const Read read = co_await read_request(request, keep_alive);
    if (read == Read::kGone) co_return;
    goes_on = read == Read::kRequest;
    if (goes_on) goes_on = co_await respond(std::move(request), keep_alive);
  }
  co_await linger();
}

// False when the client has nothing more to say.
asio::awaitable<bool> Connection::wait_for_request() {
  if (buffer_.size() > 0) co_return true;
  if (context_.handler.draining()) co_return false;
  stream_.expires_after(kIdleTimeout);
  const auto [code, size] = co_await stream_.async_read_some(buffer_.prepare(4096), kNoThrow);
  buffer_.commit(size);
  co_return !code;
}

asio::awaitable<Connection::Read> Connection::read_request(HttpRequest& request, bool& keep_alive) {
  Parser parser;
  parser.header_limit(kHeaderBytesMax);
  parser.body_limit(context_.max_body_bytes);
  stream_.expires_after(kHeaderTimeout);
  auto [code, size] = co_await http::async_read_header(stream_, buffer_, parser, kNoThrow);
  if (!code) {
    const std::optional<HttpError> wrong = check_header(parser.get());
    if (wrong) {
      co_await refuse(*wrong);
      co_return Read::kAnswered;
    }
    code = co_await accept_body(parser);
  }
  if (!code) {
    stream_.expires_after(kBodyTimeout);
    std::tie(code, size) = co_await http::async_read(stream_, buffer_, parser, kNoThrow);
  }
  if (!code) {
    keep_alive = parser.get().keep_alive();
    request = to_request(parser.release());
    co_return Read::kRequest;
  }
  // Only the parser's own errors have a reader: Beast has closed the socket after a time-out.
  if (code.category() != make_error_code(http::error::bad_method).category() ||
      code == http::error::end_of_stream || code == http::error::partial_message) {
    co_return Read::kGone;
  }
  co_await refuse(read_error(code, context_.max_body_bytes));
  co_return Read::kAnswered;
}

// Answers what is not a request; the connection ends after it.
asio::awaitable<void> Connection::refuse(const HttpError& error) {
  keep_alive_ = false;
  is_head_ = false;
  headers_.clear();
  const HttpReply reply = context_.handler.error_reply(error);
  co_await send_reply(reply);
}

// Curl waits for this before it sends a large body.
asio::awaitable<beast::error_code> Connection::accept_body(const Parser& parser) {
  beast::error_code code;
  const auto expect = parser.get()[http::field::expect];
  if (beast::iequals(expect, "100-continue")) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    stream_.expires_after(kWriteTimeout);
    size_t size = 0;
    std::tie(code, size) = co_await asio::async_write(stream_, asio::buffer(kContinue), kNoThrow);
  }
  co_return code;
}

// True when the connection may carry another request.
asio::awaitable<bool> Connection::respond(HttpRequest request, bool keep_alive) {
  is_head_ = request.method == "HEAD";
  is_http_1_0_ = request.is_http_1_0;
  keep_alive_ = keep_alive && !context_.handler.draining();
  stream_open_ = false;
  std::string body = std::move(request.body);
  std::optional<HttpReply> refused = context_.handler.early_reply(request, headers_);
  const HttpRequest head = request;
  request.body = std::move(body);
  HttpOutcome outcome;
  if (refused) {
    outcome = std::move(*refused);
  } else {
    outcome = context_.handler.handle(std::move(request));
  }
  bool sent = false;
  if (auto* reply = std::get_if<HttpReply>(&outcome)) {
    status_ = reply->status;
    sent = co_await send_reply(*reply);
  } else {
    status_ = 200;
    sent = co_await send_answer(std::move(std::get<std::unique_ptr<ReplyStream>>(outcome)));
    if (!sent) status_ = 499;  // nginx's number for a client that left
  }
  context_.handler.count(head, status_);
  co_return sent&& keep_alive_;
}

asio::awaitable<bool> Connection::send_reply(const HttpReply& reply) {
  http::response<http::string_body> response;
  response.version(11);
  response.result(static_cast<unsigned>(reply.status));
  if (!reply.content_type.empty()) {
    response.set(http::field::content_type, reply.content_type);
  }
  for (const auto& [name, value] : headers_) response.insert(name, value);
  for (const auto& [name, value] : reply.headers) response.insert(name, value);
  response.keep_alive(keep_alive_);
  response.body() = reply.body;
  response.prepare_payload();
  stream_.expires_after(kWriteTimeout);
  if (is_head_) {
    http::response_serializer<http::string_body> serializer(response);
    const auto [code, size] = co_await http::async_write_header(stream_, serializer, kNoThrow);
    co_return !code;
  }
  const auto [code, size] = co_await http::async_write(stream_, response, kNoThrow);
  co_return !code;
}

// False when the client has left; the answer is cancelled as it goes out of scope.
asio::awaitable<bool> Connection::send_answer(std::unique_ptr<ReplyStream> answer) {
  const auto signal = std::make_shared<WakeSignal>(stream_.get_executor());
  answer->on_ready([signal] { signal->wake(); });
  streamed_reply_.reset();
  const auto winner = co_await (produce(*answer, *signal) || watch_for_close());
  const bool* complete = std::get_if<0>(&winner);
  answer->on_ready(nullptr);
  if (complete == nullptr || !*complete) co_return false;
  if (!streamed_reply_) co_return true;
  status_ = streamed_reply_->status;
  co_return co_await send_reply(*streamed_reply_);
}

// True when all is sent or a reply stands in streamed_reply_.
asio::awaitable<bool> Connection::produce(ReplyStream& answer, WakeSignal& signal) {
  bool sent = true;
  while (sent) {
    ReplyPart part = answer.poll();
    if (part.reply) {
      streamed_reply_ = std::move(part.reply);
      co_return true;
    }
    if (!part.events.empty()) sent = co_await send_events(part.events);
    if (part.last) {
      if (sent) sent = co_await send_last_chunk();
      co_return sent;
    }
    if (!sent) break;
    const bool woken = co_await signal.wait(kHeartbeat);
    // A comment keeps proxies from closing a quiet stream.
    if (!woken && stream_open_) sent = co_await send_events(kPing);
  }
  co_return false;
}

asio::awaitable<bool> Connection::send_last_chunk() {
  if (is_http_1_0_) co_return true;
  stream_.expires_after(kWriteTimeout);
  const auto last = http::make_chunk_last();
  const auto [code, size] = co_await asio::async_write(stream_, last, kNoThrow);
  co_return !code;
}

asio::awaitable<bool> Connection::send_events(std::string_view events) {
  if (!stream_open_) {
    const bool opened = co_await send_event_header();
    if (!opened) co_return false;
  }
  stream_.expires_after(kWriteTimeout);
  const auto bytes = asio::buffer(events);
  if (is_http_1_0_) {
    const auto [code, size] = co_await asio::async_write(stream_, bytes, kNoThrow);
    co_return !code;
  }
  const auto chunk = http::make_chunk(bytes);
  const auto [code, size] = co_await asio::async_write(stream_, chunk, kNoThrow);
  co_return !code;
}

asio::awaitable<bool> Connection::send_event_header() {
  stream_open_ = true;
  if (is_http_1_0_) keep_alive_ = false;  // no chunks: the end of the connection is the end
  http::response<http::empty_body> response;
  response.version(11);
  response.set(http::field::content_type, "text/event-stream; charset=utf-8");
  response.set(http::field::cache_control, "no-cache");
  response.set("X-Accel-Buffering", "no");
  for (const auto& [name, value] : headers_) response.insert(name, value);
  response.keep_alive(keep_alive_);
  response.chunked(!is_http_1_0_);
  http::response_serializer<http::empty_body> serializer(response);
  stream_.expires_after(kWriteTimeout);
  const auto [code, size] = co_await http::async_write_header(stream_, serializer, kNoThrow);
  co_return !code;
}

// Returns only when the client has closed. Bytes of a pipelined request stay in the buffer.
asio::awaitable<void> Connection::watch_for_close() {
  while (buffer_.size() < kPipelinedBytesMax) {
    const auto [code, size] =
        co_await stream_.socket().async_read_some(buffer_.prepare(4096), kNoThrow);
    buffer_.commit(size);
    if (code) co_return;
  }
  // More is not read before this answer is sent; a client that leaves shows in the writes.
  asio::steady_timer never(stream_.get_executor());
  never.expires_at(std::chrono::steady_clock::time_point::max());
  co_await never.async_wait(kNoThrow);
}

// Closing with unread bytes would reset the connection, and the client could lose our last words.
asio::awaitable<void> Connection::linger() {
  beast::error_code code;
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, code);
  stream_.expires_after(kLingerTimeout);
  size_t size = 0;
  for (size_t total = 0; !code && total < kLingerBytesMax; total += size) {
    buffer_.clear();
    std::tie(code, size) = co_await stream_.async_read_some(buffer_.prepare(16384), kNoThrow);
  }
}

}  // namespace

asio::awaitable<void> serve_connection(ConnectionContext context, beast::tcp_stream stream) {
  Connection connection(context, std::move(stream));
  co_await connection.run();
}

}  // namespace puna
