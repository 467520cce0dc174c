// HttpHandler: what a server asks of the program behind it. Nothing of the network in it.
//
// A request is judged by its head, before any of its body is read, and then handled whole. The
// answer is a reply, or a stream that becomes one. Thread-safe: requests come from several threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "http/http_message.h"

namespace puna {

struct ReplyPart {
  std::string events;              // server-sent events to write now
  HttpHeaders headers = {};        // of the stream's head, with the first events
  std::optional<HttpReply> reply;  // instead of events; the last part
  bool last = false;
};

// An answer that is on its way. Destroying it cancels what runs for it.
class ReplyStream {
 public:
  virtual ~ReplyStream() = default;
  // `wake` runs on any thread when poll() has something, and must not block; nullptr: never again.
  virtual void on_ready(const std::function<void()>& wake) = 0;
  virtual ReplyPart poll() = 0;
  // Nothing has come for long, and proxies close what is silent. True when the answer becomes a
  // stream of events now: its header goes out, and a failure is an event from here on.
  virtual bool begin_events() = 0;
};

using HttpOutcome = std::variant<HttpReply, std::unique_ptr<ReplyStream>>;

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // What the head alone decides, before any of the body is read: a refusal, most often. `headers`
  // receives what every reply to this request carries, unless the reply has its own of that name.
  virtual std::optional<HttpReply> early_reply(HttpRequest& head, HttpHeaders& headers) = 0;
  // Of a request that got no early reply.
  virtual HttpOutcome handle(HttpRequest request) = 0;
  // The reply to what could not be read as a request, in the shape of the handler's own errors.
  virtual HttpReply error_reply(const HttpError& error) = 0;
  // The status of a request's answer is known.
  virtual void count(const HttpRequest& head, int status) = 0;

  virtual void begin_drain() = 0;  // what is new is refused from here on
  virtual bool draining() const = 0;
  // Ends the answers that still run by an error. May take as long as a step of the model.
  virtual void end_answers() = 0;
};

}  // namespace puna
