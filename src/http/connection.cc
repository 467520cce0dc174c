// The life of a connection: wait, judge the head, read the body, answer; then again or never.

#include "http/connection.h"

#include <exception>

#include "base/log.h"

namespace puna {
namespace {

using asio::experimental::awaitable_operators::operator||;

constexpr std::chrono::seconds kNewcomerGrace{1};
constexpr int kClientLeft = 499;  // nginx's number

struct BusyGuard {
  explicit BusyGuard(std::atomic<int>& counter) : busy(counter) { ++busy; }
  ~BusyGuard() { --busy; }
  BusyGuard(const BusyGuard&) = delete;
  BusyGuard& operator=(const BusyGuard&) = delete;
  std::atomic<int>& busy;
};

// An exception here is memory that has run out: one request fails, and no more.
const HttpError kOutOfMemory = {503, "overloaded",
                                "the server has no memory for this request; try again later", 1};

}  // namespace

Connection::Connection(ConnectionContext& context, beast::tcp_stream stream, bool crowded)
    : context_(context),
      transport_(std::move(stream)),
      reader_(transport_, context.limits),
      writer_(transport_, context.limits),
      crowded_(crowded) {}

std::optional<Connection::Time> Connection::idle_since() const {
  const Time::rep since = idle_since_.load();
  return since == 0 ? std::nullopt : std::optional(Time(Time::duration(since)));
}

void Connection::close_if_idle() {
  asio::post(transport_.strand(), [self = shared_from_this()] {
    if (self->idle_since() && !self->reader_.has_unread_bytes()) self->transport_.close();
  });
}

void Connection::cut() {
  asio::post(transport_.strand(), [self = shared_from_this()] { self->reader_.interrupt(); });
}

asio::awaitable<void> Connection::serve(std::shared_ptr<Connection> connection) {
  co_await connection->run();
}

asio::awaitable<void> Connection::run() {
  // No co_await behind && here or below: g++ 12 awaits it in a loop's condition all the same.
  for (bool goes_on = true; goes_on;) {
    goes_on = co_await wait_for_request();
    if (!goes_on) break;
    const BusyGuard busy(context_.busy);
    goes_on = co_await serve_request();
  }
  co_await reader_.linger();
}

asio::awaitable<bool> Connection::wait_for_request() {
  if (!reader_.has_unread_bytes() && context_.handler.draining()) co_return false;
  // A new one has a moment to say what it wants, before it may be closed to make room.
  const auto grace = served_ ? std::chrono::seconds(0) : kNewcomerGrace;
  idle_since_ = (std::chrono::steady_clock::now() + grace).time_since_epoch().count();
  const bool came = co_await reader_.wait_for_request();
  idle_since_ = 0;
  served_ = true;
  co_return came;
}

// True when the connection may carry another request.
asio::awaitable<bool> Connection::serve_request() {
  std::optional<RequestHead> head = co_await reader_.read_head();
  if (!head) co_return false;
  HttpRequest& request = head->request;
  request.server_full = crowded_;
  ReplyContext reply_context;
  std::optional<HttpReply> early = context_.handler.early_reply(request, reply_context.headers);
  // A broken request is that first of all, whatever it asks for.
  if (early && !head->error) head->error = reader_.body_error(*head);
  if (head->error) early = error_reply(*head->error);
  reply_context.is_head = request.method == "HEAD";
  reply_context.is_http_1_0 = request.is_http_1_0;
  reply_context.keep_alive =
      head->keep_alive && !head->error && !crowded_ && !context_.handler.draining();
  writer_.begin(std::move(reply_context));
  bool goes_on = false;
  if (early) {
    goes_on = co_await refuse(*head, *early);
  } else {
    goes_on = co_await respond(*head);
  }
  co_return goes_on;
}

// Answers without the body, which may be on its way.
asio::awaitable<bool> Connection::refuse(const RequestHead& head, const HttpReply& reply) {
  const bool discards = reader_.can_discard(head);
  if (!discards) writer_.end_connection();
  bool goes_on = co_await writer_.send(reply);
  context_.handler.count(head.request, reply.status);
  if (goes_on && writer_.keep_alive()) goes_on = co_await reader_.discard_body(head);
  co_return goes_on&& writer_.keep_alive();
}

asio::awaitable<bool> Connection::respond(RequestHead& head) {
  HttpRequest request = head.request;
  if (head.has_body()) {
    RequestBody body = reader_.open_body(head, context_.body_budget);
    // A client that waits for it would not send a body that is refused.
    if (!body.error && head.expects_continue && !reader_.has_unread_bytes()) {
      const bool sent = co_await writer_.send_continue();
      body.gone = !sent;
    }
    if (!body.error && !body.gone) co_await reader_.read_body(head, body);
    if (body.gone) co_return false;
    if (body.error) {
      const HttpReply reply = error_reply(*body.error);
      writer_.end_connection();
      co_await writer_.send(reply);
      context_.handler.count(head.request, reply.status);
      co_return false;
    }
    request.body = std::move(body.bytes);
    request.body_claim = std::move(body.claim);
  }
  HttpOutcome outcome = handle(std::move(request));
  if (context_.handler.draining()) writer_.end_connection();
  bool sent = false;
  if (auto* reply = std::get_if<HttpReply>(&outcome)) {
    status_ = reply->status;
    sent = co_await writer_.send(*reply);
  } else {
    status_ = 200;
    sent = co_await send_stream(std::move(std::get<std::unique_ptr<ReplyStream>>(outcome)));
    if (!sent) status_ = kClientLeft;
  }
  context_.handler.count(head.request, status_);
  co_return sent&& writer_.keep_alive();
}

HttpReply Connection::error_reply(const HttpError& error) {
  return context_.handler.error_reply(error);
}

HttpOutcome Connection::handle(HttpRequest request) {
  try {
    return context_.handler.handle(std::move(request));
  } catch (const std::exception& failure) {
    log_error("a request failed: {}", failure.what());
    return error_reply(kOutOfMemory);
  }
}

ReplyPart Connection::poll(ReplyStream& stream) {
  try {
    return stream.poll();
  } catch (const std::exception& failure) {
    log_error("an answer failed: {}", failure.what());
    ReplyPart part;
    part.reply = error_reply(kOutOfMemory);
    part.last = true;
    return part;
  }
}

// False when the client has left; the answer is cancelled as it goes out of scope.
asio::awaitable<bool> Connection::send_stream(std::unique_ptr<ReplyStream> stream) {
  const auto signal = std::make_shared<WakeSignal>(transport_.strand());
  stream->on_ready([signal] { signal->wake(); });
  streamed_reply_.reset();
  const auto winner = co_await (produce(*stream, *signal) || reader_.watch_for_close());
  const bool* complete = std::get_if<0>(&winner);
  stream->on_ready(nullptr);
  if (complete == nullptr || !*complete) co_return false;
  if (!streamed_reply_) co_return true;
  status_ = streamed_reply_->status;
  if (context_.handler.draining()) writer_.end_connection();
  const bool sent = co_await writer_.send(*streamed_reply_);
  co_return sent;
}

// True when all is sent or a reply stands in streamed_reply_.
asio::awaitable<bool> Connection::produce(ReplyStream& stream, WakeSignal& signal) {
  for (bool sent = true; sent;) {
    ReplyPart part = poll(stream);
    if (part.reply) {
      if (!writer_.stream_is_open()) streamed_reply_ = std::move(part.reply);
      co_return streamed_reply_.has_value();
    }
    if (!part.headers.empty()) writer_.set_headers(part.headers);
    if (!part.events.empty()) sent = co_await writer_.send_events(part.events);
    if (part.last) {
      if (sent) sent = co_await writer_.end_stream();
      co_return sent;
    }
    if (!sent) break;
    const bool woken = co_await signal.wait(context_.limits.heartbeat);
    if (woken) continue;
    // A comment keeps proxies from closing a quiet stream, also one that waits for its turn.
    const bool opens = writer_.stream_is_open() || stream.begin_events();
    if (opens) sent = co_await writer_.send_events(": ping\n\n");
  }
  co_return false;
}

}  // namespace puna
