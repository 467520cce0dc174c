// Time has limits twice: a head must be whole in time, and a body must go on.

#include "http/request_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/chunked_body.h"

namespace puna {
namespace {

constexpr size_t kReadBytes = 4096;
constexpr size_t kBodyReadBytes = 64 << 10;
constexpr size_t kLingerBytesMax = 64 << 20;

HttpError shutting_down() {
  return {503, "unavailable", "the server is shutting down; try again", 1};
}

HttpError body_too_large(size_t limit) {
  return {
      413, "body_too_large",
      fmt::format("the body is over the limit of {} bytes; the limit is --max-body-bytes", limit)};
}

HttpError budget_is_used(size_t limit) {
  return {503, "overloaded",
          fmt::format("the bodies of all requests would take more than {} bytes; the limit is "
                      "--max-total-body-bytes, try again",
                      limit),
          1};
}

}  // namespace

// Interrupts a transport's reading after some time, unless it ends first. On the strand.
class RequestReader::Deadline {
 public:
  explicit Deadline(Transport& transport)
      : timer_(transport.strand()), state_(std::make_shared<State>()) {
    state_->transport = &transport;
  }
  ~Deadline() { state_->transport = nullptr; }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void set(Transport::Duration limit) {
    timer_.expires_after(limit);
    timer_.async_wait([state = state_](const beast::error_code& code) {
      if (code || state->transport == nullptr) return;
      state->passed = true;
      state->transport->interrupt();
    });
  }
  bool passed() const { return state_->passed; }
  size_t progress_bytes = 0;  // since it was set

 private:
  struct State {
    Transport* transport = nullptr;
    bool passed = false;
  };
  asio::steady_timer timer_;
  std::shared_ptr<State> state_;
};

std::string_view RequestReader::unread() const {
  return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
}

void RequestReader::interrupt() {
  interrupted_ = true;
  if (reading_) transport_.interrupt();  // and never what is being written
}

asio::awaitable<bool> RequestReader::wait_for_request() {
  if (buffer_.size() > 0) co_return true;
  buffer_.shrink_to_fit();  // an idle connection holds no memory that a large request took
  const bool came = co_await transport_.read_some(buffer_, kReadBytes, limits_.idle);
  co_return came;
}

// A head that nobody will read to its end: what there is of it says whom to answer.
RequestHead RequestReader::cut_head(HttpError error) {
  RequestHead head = parse_request_head(unread());
  head.error = std::move(error);
  buffer_.consume(buffer_.size());
  return head;
}

asio::awaitable<std::optional<RequestHead>> RequestReader::read_head() {
  const auto until = std::chrono::steady_clock::now() + limits_.header;
  size_t checked = 0;
  for (;;) {
    while (unread().starts_with("\r\n")) {  // empty lines before a request mean nothing
      buffer_.consume(2);
      checked = 0;
    }
    const std::string_view bytes = unread();
    if (auto wrong = check_head_bytes(bytes, checked)) co_return cut_head(std::move(*wrong));
    const size_t end = bytes.find("\r\n\r\n", checked > 3 ? checked - 3 : 0);
    const size_t size = end == bytes.npos ? bytes.size() : end + 4;
    if (size > limits_.header_bytes_max) {
      co_return cut_head(
          {431, "",
           fmt::format("the header is over the limit of {} bytes", limits_.header_bytes_max)});
    }
    if (end != bytes.npos) {
      RequestHead head = parse_request_head(bytes.substr(0, size));
      buffer_.consume(size);
      co_return head;
    }
    checked = bytes.size();
    const auto left = until - std::chrono::steady_clock::now();
    bool came = false;
    reading_ = true;
    if (!interrupted_) came = co_await transport_.read_some(buffer_, kReadBytes, left);
    reading_ = false;
    if (!came && interrupted_) co_return cut_head(shutting_down());
    if (!came) co_return std::nullopt;
  }
}

RequestBody RequestReader::open_body(const RequestHead& head,
                                     const std::shared_ptr<ByteBudget>& budget) const {
  RequestBody body;
  body.claim = budget->claim();
  if (head.body_bytes > limits_.body_bytes_max) {
    body.error = body_too_large(limits_.body_bytes_max);
  } else if (!body.claim->grow_to(head.body_bytes)) {
    body.error = budget_is_used(budget->bytes_max());
  }
  return body;
}

asio::awaitable<void> RequestReader::read_body(const RequestHead& head, RequestBody& body) {
  return head.chunked ? read_chunks(body) : read_length(head.body_bytes, body);
}

// Reads something into the buffer; false when that is the end of the body.
asio::awaitable<bool> RequestReader::more(RequestBody& body, Deadline& deadline) {
  const size_t before = buffer_.size();
  bool came = false;
  reading_ = true;
  if (!interrupted_ && !deadline.passed()) {
    came = co_await transport_.watch(buffer_, kBodyReadBytes);
  }
  reading_ = false;
  deadline.progress_bytes += buffer_.size() - before;
  if (deadline.progress_bytes >= limits_.body_progress_bytes) {
    deadline.progress_bytes = 0;
    deadline.set(limits_.body);
  }
  if (came) co_return true;
  if (interrupted_) {
    body.error = shutting_down();
  } else if (deadline.passed()) {
    body.error = HttpError{408, "", "the body comes too slowly; nothing was done"};
  } else {
    body.gone = true;
  }
  co_return false;
}

asio::awaitable<void> RequestReader::read_length(uint64_t length, RequestBody& body) {
  Deadline deadline(transport_);
  deadline.set(limits_.body);
  body.bytes.reserve(length);
  for (;;) {
    const size_t size = std::min<uint64_t>(buffer_.size(), length - body.bytes.size());
    body.bytes.append(unread().substr(0, size));
    buffer_.consume(size);
    if (body.bytes.size() == length) co_return;
    const bool came = co_await more(body, deadline);
    if (!came) co_return;
  }
}

asio::awaitable<void> RequestReader::read_chunks(RequestBody& body) {
  Deadline deadline(transport_);
  deadline.set(limits_.body);
  ChunkedBody chunks;
  for (;;) {
    // In pieces, so that no more is held than was claimed.
    while (buffer_.size() > 0 && !chunks.complete() && !body.error) {
      if (!body.claim->grow_to(body.bytes.size() + buffer_.size())) {
        body.error = budget_is_used(limits_.total_body_bytes_max);
        co_return;
      }
      buffer_.consume(chunks.take(unread(), body.bytes));
      body.error = chunks.error();
      if (!body.error && body.bytes.size() + chunks.announced_bytes() > limits_.body_bytes_max) {
        body.error = body_too_large(limits_.body_bytes_max);
      }
    }
    if (chunks.complete() || body.error) co_return;
    const bool came = co_await more(body, deadline);
    if (!came) co_return;
  }
}

std::optional<HttpError> RequestReader::body_error(const RequestHead& head) const {
  if (!head.chunked) return std::nullopt;
  ChunkedBody chunks;
  std::string dropped;
  chunks.take(unread(), dropped);
  return chunks.error();
}

bool RequestReader::can_discard(const RequestHead& head) const {
  if (!head.has_body()) return true;
  return !head.chunked && !head.expects_continue && head.body_bytes <= limits_.discarded_bytes_max;
}

asio::awaitable<bool> RequestReader::discard_body(const RequestHead& head) {
  RequestBody body;
  Deadline deadline(transport_);
  deadline.set(limits_.body);
  for (uint64_t left = head.body_bytes; left > 0;) {
    const size_t size = std::min<uint64_t>(buffer_.size(), left);
    buffer_.consume(size);
    left -= size;
    if (left == 0) break;
    const bool came = co_await more(body, deadline);
    if (!came) co_return false;
  }
  co_return true;
}

asio::awaitable<void> RequestReader::watch_for_close() {
  while (buffer_.size() < limits_.pipelined_bytes_max) {
    const bool came = co_await transport_.watch(buffer_, kReadBytes);
    if (!came) co_return;
  }
  // More is not read before this answer is sent; a client that leaves shows in the writes.
  asio::steady_timer never(transport_.strand());
  never.expires_at(std::chrono::steady_clock::time_point::max());
  co_await never.async_wait(kNoThrow);
}

asio::awaitable<void> RequestReader::linger() {
  transport_.end_writing();
  const auto until = std::chrono::steady_clock::now() + limits_.linger;
  for (size_t total = 0; total < kLingerBytesMax; total += buffer_.size()) {
    buffer_.clear();
    const auto left = until - std::chrono::steady_clock::now();
    const bool came = co_await transport_.read_some(buffer_, kBodyReadBytes, left);
    if (!came) co_return;
  }
}

}  // namespace puna
