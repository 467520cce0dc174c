// ChatSession: a conversation in a terminal: its turns, its commands, what is shown of an answer.
//
// Where texts go and how a person changes one are given from outside, so that it can be tested.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/chat_model.h"

namespace puna {

struct ChatScreen {
  std::function<void(std::string_view)> answer;  // words of the model
  std::function<void(std::string_view)> note;    // words of the program, whole lines
  std::function<void(std::string_view)> error;   // a message
  std::function<bool()> stopped;                 // Ctrl-C since the last question of it
};

class ChatSession {
 public:
  ChatSession(ChatModel& model, ChatScreen screen, std::string system_prompt,
              ChatSettings settings);

  // A question or a command. False: the program ends.
  bool handle(const std::string& text);
  // The answer alone, without statistics. False when it failed.
  bool ask(const std::string& question);
  // What /edit wants changed; the next handle() then takes its place. Empty: nothing.
  std::string take_text_to_edit();

  const std::vector<ChatTurn>& turns() const { return turns_; }

 private:
  bool command(std::string_view name, std::string_view words);
  void ask_and_count(const std::string& question);
  bool answer(std::string question, ChatAnswerEnd& end);
  std::string take_last_question();
  void edit(std::string_view words);
  void retry();
  void ask_instead(const std::string& question, const std::vector<ChatTurn>& before);
  void reset(std::string_view note);
  void set_system_prompt(std::string_view words);
  void save(std::string_view path);
  void load(std::string_view path);
  void count_tokens();

  ChatModel& model_;
  const ChatScreen screen_;
  std::string system_prompt_;
  ChatSettings settings_;
  std::vector<ChatTurn> turns_;  // without the system prompt
  std::string unanswered_;       // the last question, when it has no answer
  std::string text_to_edit_;

  std::vector<ChatTurn> all_turns() const;
};

}  // namespace puna
