// Text of the terminal chat: questions of several lines, saved conversations, settings by name.
// Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/chat_model.h"
#include "base/status.h"

namespace puna {

// A question that is typed over several lines: between lines of """, or each but the last ending
// with a backslash.
class QuestionLines {
 public:
  // True when the question is complete; take() then gives it.
  bool add(std::string_view line);
  bool is_open() const { return open_; }
  std::string take();

 private:
  std::string text_;
  bool open_ = false, quoted_ = false;
};

// {"messages": [{"role": …, "content": …}, …]}
std::string conversation_text(const std::vector<ChatTurn>& turns);
// The same back, or a bare list of messages. `origin` begins errors.
Result<std::vector<ChatTurn>> parse_conversation(std::string_view text, std::string_view origin);

// "temperature 0.7"; a name without a value takes the default again.
Status change_setting(std::string_view words, ChatSettings& settings);
// A line each: "temperature   0.7", or "the model's own".
std::string describe(const ChatSettings& settings);

}  // namespace puna
