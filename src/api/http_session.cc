// Coroutines of one connection. Nothing but plain calls stands inside a co_await expression: g++ 12
// miscompiles temporaries of aggregates, initializer lists and ?: there (docs/adr/0002).

#include "api/http_session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "api/client_watch.h"
#include "base/log.h"

namespace puna {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr uint32_t kHeaderBytesMax = 32 << 10;
constexpr seconds kIdleSeconds{75};   // between requests
constexpr seconds kBodySeconds{60};   // for the rest of a request
constexpr seconds kWriteSeconds{30};  // a reader that takes nothing for so long has gone
constexpr milliseconds kHeartbeat{15000};

// One more request is being answered for as long as this lives.
class RequestCount {
 public:
  explicit RequestCount(SessionContext& context) : context_(context) { ++context_.requests; }
  ~RequestCount() { --context_.requests; }
  RequestCount(const RequestCount&) = delete;
  RequestCount& operator=(const RequestCount&) = delete;

 private:
  SessionContext& context_;
};

HttpRequest to_request(http::request<http::string_body> message) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& letter : name) {
      if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    }
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

class Session {
 public:
  Session(SessionContext& context, asio::ip::tcp::socket socket)
      : context_(context), stream_(std::move(socket)) {}

  asio::awaitable<void> run() {
    for (bool keep_alive = true; keep_alive && !context_.closing;) {
      keep_alive = co_await serve_one();
    }
    beast::error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  }

 private:
  // False when the connection is to be closed.
  asio::awaitable<bool> serve_one() {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(context_.max_body_bytes);
    stream_.expires_after(kIdleSeconds);
    auto [header_error, header_size] =
        co_await http::async_read_header(stream_, buffer_, parser, kTuple);
    if (header_error) co_return co_await refuse(header_error);
    const RequestCount count(context_);
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      co_await write_text("HTTP/1.1 100 Continue\r\n\r\n");
    }
    stream_.expires_after(kBodySeconds);
    auto [body_error, body_size] = co_await http::async_read(stream_, buffer_, parser, kTuple);
    if (body_error) co_return co_await refuse(body_error);
    keep_alive_ = parser.get().keep_alive() && !context_.closing;
    request_ = to_request(parser.release());
    RouteOutcome outcome = context_.routes.handle(request_);
    if (auto* reply = std::get_if<HttpReply>(&outcome)) co_return co_await write_reply(*reply);
    co_return co_await generate(std::get<GenerationJob>(outcome));
  }

  // What cannot be read is answered where an answer can still arrive.
  asio::awaitable<bool> refuse(beast::error_code failure) {
    const bool is_too_large = failure == http::error::body_limit;
    const bool is_malformed =
        failure.category() == make_error_code(http::error::bad_method).category();
    const bool is_end =
        failure == http::error::end_of_stream || failure == http::error::partial_message;
    keep_alive_ = false;
    if (is_end || !is_malformed) co_return false;
    ApiError error = bad_request("the request is not valid HTTP: " + failure.message());
    if (failure == http::error::header_limit) {
      error.status = 431;
      error.message = fmt::format("the headers are larger than {} bytes", kHeaderBytesMax);
    }
    if (is_too_large) {
      error.status = 413;
      error.code = "request_too_large";
      error.message = fmt::format("the body is larger than {} bytes; the limit is --max-body-bytes",
                                  context_.max_body_bytes);
    }
    co_await write_reply(to_reply(error));
    // What is still on its way is read and dropped: closing now would reset the connection, and the
    // client might lose the answer.
    co_await discard_input();
    co_return false;
  }

  asio::awaitable<void> discard_input() {
    beast::error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    stream_.expires_after(seconds(2));
    char dropped[4096];
    for (;;) {
      auto [failure, size] = co_await stream_.async_read_some(asio::buffer(dropped), kTuple);
      if (failure || size == 0) co_return;
    }
  }

  http::response<http::string_body> to_response(const HttpReply& reply) const {
    http::response<http::string_body> response(static_cast<http::status>(reply.status), 11);
    set_headers(response, reply.content_type);
    for (const auto& [name, value] : reply.headers) response.set(name, value);
    if (request_.method == "HEAD") {
      response.content_length(reply.body.size());
    } else {
      response.body() = reply.body;
      response.prepare_payload();
    }
    return response;
  }

  template <typename Body>
  void set_headers(http::response<Body>& response, const std::string& content_type) const {
    response.set(http::field::server, "puna");
    response.set(http::field::content_type, content_type);
    for (const auto& [name, value] : context_.routes.common_headers(request_)) {
      response.set(name, value);
    }
    response.keep_alive(keep_alive_);
  }

  // True when the next request may be read.
  asio::awaitable<bool> write_reply(const HttpReply& reply) {
    context_.routes.metrics().add_response(reply.status);
    const auto response = to_response(reply);
    http::response_serializer<http::string_body> serializer(
        const_cast<http::response<http::string_body>&>(response));
    stream_.expires_after(kWriteSeconds);
    auto [failure, size] = co_await http::async_write(stream_, serializer, kTuple);
    co_return !failure && keep_alive_;
  }

  asio::awaitable<bool> write_text(std::string_view text) {
    stream_.expires_after(kWriteSeconds);
    auto [failure, size] = co_await asio::async_write(stream_, asio::buffer(text), kTuple);
    co_return !failure;
  }

  asio::awaitable<bool> generate(GenerationJob& job) {
    const auto watch = std::make_shared<ClientWatch>(stream_.socket());
    stream_.expires_never();
    watch->begin();
    for (const auto& stream : job.streams) {
      stream->on_ready([watch] { watch->wake_later(); });
    }
    const bool keep_alive = co_await answer(job, *watch);
    for (const auto& stream : job.streams) stream->on_ready(nullptr);
    watch->end();
    if (watch->gone()) log_debug("a client left before its answer was complete");
    co_return keep_alive;
  }

  asio::awaitable<bool> answer(GenerationJob& job, ClientWatch& watch) {
    std::vector<bool> finished(job.streams.size());
    size_t left = job.streams.size();
    bool begun = false;
    while (left > 0) {
      const std::optional<ApiError> failure = take_chunks(job, finished, left);
      if (failure && !begun) co_return co_await write_reply(to_reply(*failure));
      std::string events = job.stream ? job.answer->take_events() : "";
      if (failure) events += error_events(*failure);
      if (!events.empty() && !co_await write_events(events, begun)) co_return false;
      if (failure) co_return co_await write_end();
      if (watch.gone()) co_return false;
      if (left == 0) break;
      const bool woken = co_await watch.wait(kHeartbeat);
      if (!woken && begun && !co_await write_events(": ping\n\n", begun)) co_return false;
    }
    if (!job.stream) co_return co_await write_reply(job.answer->reply());
    if (!co_await write_events(job.answer->last_events(), begun)) co_return false;
    co_return co_await write_end();
  }

  // Everything that has come, into the answer. An error ends all of it.
  std::optional<ApiError> take_chunks(GenerationJob& job, std::vector<bool>& finished,
                                      size_t& left) {
    for (size_t i = 0; i < job.streams.size(); ++i) {
      if (finished[i]) continue;
      GenerationStream& stream = *job.streams[i];
      const GenerationChunk chunk = stream.poll();
      if (chunk.empty()) continue;
      if (chunk.finish != FinishReason::kNone) {
        context_.routes.metrics().add_generation(stream.usage(), stream.timings(), chunk.finish);
        finished[i] = true;
        --left;
      }
      if (chunk.finish == FinishReason::kError) return to_api_error(chunk.error, 1);
      if (chunk.finish == FinishReason::kCancelled) {
        return to_api_error(Status(StatusCode::kUnavailable, "the server is shutting down"), 1);
      }
      job.answer->add(i, chunk, stream);
    }
    return std::nullopt;
  }

  asio::awaitable<bool> write_events(const std::string& events, bool& begun) {
    if (!begun) {
      begun = true;
      if (!co_await write_event_header()) co_return false;
    }
    stream_.expires_after(kWriteSeconds);
    const auto chunk = http::make_chunk(asio::buffer(events));
    auto [failure, size] = co_await asio::async_write(stream_, chunk, kTuple);
    stream_.expires_never();
    co_return !failure;
  }

  asio::awaitable<bool> write_event_header() {
    context_.routes.metrics().add_response(200);
    http::response<http::empty_body> response(http::status::ok, 11);
    set_headers(response, "text/event-stream; charset=utf-8");
    response.set(http::field::cache_control, "no-cache");
    response.set("X-Accel-Buffering", "no");
    response.chunked(true);
    http::response_serializer<http::empty_body> serializer(response);
    stream_.expires_after(kWriteSeconds);
    auto [failure, size] = co_await http::async_write_header(stream_, serializer, kTuple);
    co_return !failure;
  }

  asio::awaitable<bool> write_end() {
    stream_.expires_after(kWriteSeconds);
    const auto last = http::make_chunk_last();
    auto [failure, size] = co_await asio::async_write(stream_, last, kTuple);
    co_return !failure && keep_alive_;
  }

  SessionContext& context_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  HttpRequest request_;
  bool keep_alive_ = false;
};

}  // namespace

asio::awaitable<void> serve_connection(SessionContext& context, asio::ip::tcp::socket socket) {
  ++context.connections;
  try {
    Session session(context, std::move(socket));
    co_await session.run();
  } catch (const std::exception& failure) {
    log_debug("a connection ended: {}", failure.what());
  }
  --context.connections;
}

}  // namespace puna
