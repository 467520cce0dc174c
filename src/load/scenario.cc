// Lists of messages as text.

#include "load/scenario.h"

#include <fmt/format.h>

#include "base/json.h"

namespace puna {
namespace {

void append(std::string& list, std::string_view messages) {
  if (!list.empty()) list += ',';
  list += messages;
}

}  // namespace

std::string message_json(std::string_view role, std::string_view content) {
  return fmt::format(R"({{"role":{},"content":{}}})", dump_json(Json(std::string(role))),
                     dump_json(Json(std::string(content))));
}

std::string Conversation::question() const {
  std::string list = history_;
  append(list, script_->turns[turn_].messages);
  return list;
}

void Conversation::answered(std::string_view text) {
  const ScriptTurn& turn = script_->turns[turn_++];
  append(history_, turn.messages);
  append(history_, turn.answer ? *turn.answer : message_json("assistant", text));
}

}  // namespace puna
