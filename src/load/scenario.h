// Scenario: what is asked: conversations of several questions. Conversation: one of them while it
// goes on; what the server answered is part of its next question.
//
// Messages are kept as JSON text, so that a request is put together without a parser. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace puna {

struct ScriptTurn {
  std::string messages;  // JSON objects with commas between them; the last is a question
  std::optional<std::string> answer;  // JSON object: the recorded one, instead of the server's
};

struct ChatScript {
  std::vector<ScriptTurn> turns;  // at least one
  std::string fields;             // of its requests: "\"temperature\":0", or ""
};

class Scenario {
 public:
  virtual ~Scenario() = default;
  virtual std::string describe() const = 0;
  // Depends on `index` alone. From any thread.
  virtual std::shared_ptr<const ChatScript> script(uint64_t index) const = 0;
};

class Conversation {
 public:
  explicit Conversation(std::shared_ptr<const ChatScript> script) : script_(std::move(script)) {}

  bool has_question() const { return turn_ < script_->turns.size(); }
  // The list of messages up to the next question, as JSON without brackets.
  std::string question() const;
  // After the answer, before the next question.
  void answered(std::string_view text);
  const std::string& fields() const { return script_->fields; }
  size_t turn() const { return turn_; }

 private:
  std::shared_ptr<const ChatScript> script_;
  size_t turn_ = 0;
  std::string history_;
};

// {"role":"user","content":"…"}
std::string message_json(std::string_view role, std::string_view content);

}  // namespace puna
