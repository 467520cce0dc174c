// AnswerReader: one streamed answer as the generator sees it: when its first and its other pieces
// came, how many tokens it had, and whether it came to its end.
//
// Server-sent events in any pieces, from a server that may send anything. Pure; time is the
// caller's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace puna {

inline constexpr size_t kAnswerLineBytesMax = 16 << 20;

class AnswerReader {
 public:
  // How many pieces with text these bytes held.
  int add(std::string_view bytes);

  const std::string& text() const { return text_; }
  // By the server's own count, else as many as pieces.
  int64_t output_tokens() const { return usage_tokens_ > 0 ? usage_tokens_ : pieces_; }
  int64_t prompt_tokens() const { return prompt_tokens_; }
  int64_t cached_tokens() const { return cached_tokens_; }

  bool is_whole() const { return has_finished_; }  // it said why it ended
  bool has_events() const { return has_events_; }  // of OpenAI's API
  const std::string& error() const {
    return error_;
  }  // what an error event said; "": there was none

 private:
  int take_line(std::string_view line);
  int take_event(std::string_view data);
  bool take_delta(const Json& delta);
  void take_usage(const Json& usage);

  std::string pending_;
  std::string text_;
  std::string error_;
  int64_t pieces_ = 0, usage_tokens_ = 0, prompt_tokens_ = 0, cached_tokens_ = 0;
  bool has_finished_ = false, has_events_ = false;
};

// The message of OpenAI's {"error": {"message": …}} and of {"error": "…"}; "" where there is none.
std::string refusal_message(std::string_view body);

}  // namespace puna
