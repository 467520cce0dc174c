// AnswerStream: one answer of an OpenAI-compatible server as it comes: server-sent events in any
// pieces, from a server that may send anything.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "app/chat_model.h"
#include "base/json.h"

namespace puna {

inline constexpr size_t kServerReplyBytesMax = 64 << 20;  // of a reply, or of a line of a stream

class AnswerStream {
 public:
  // `on_text` outlives it.
  explicit AnswerStream(const ChatModel::OnText& on_text);

  // Bytes of the body. False: the rest is not wanted.
  bool add(std::string_view bytes);
  // Without bytes, so that a person can stop it.
  bool look_for_stop();

  bool is_stopped() const { return is_stopped_; }
  // After the last byte: an error that the server told of, or an answer that broke off.
  Result<ChatAnswerEnd> end() const;

 private:
  using Clock = std::chrono::steady_clock;

  void take_event(std::string_view data);
  void take_text(const std::string& text);

  const ChatModel::OnText& on_text_;
  const Clock::time_point started_ = Clock::now();
  Clock::time_point first_, last_;
  std::string pending_;
  ChatAnswerEnd end_;
  Status status_;
  bool is_stopped_ = false;
};

// Members of an object that a server sent: "" and 0 for one that is missing or of another kind, and
// counts within an int.
std::string text_of(const Json& json, const char* name);
int count_of(const Json& json, const char* name);

// What a server says of a request that it refused: OpenAI's {"error": {"message": …}}, else the
// number. kUnauthenticated, kNotFound, kUnavailable, or kInvalidArgument.
Status refusal(long http_status, std::string_view body, std::string_view url);

// The server's word that waiting does not help, though it is 503.
bool is_for_good(std::string_view body);

}  // namespace puna
