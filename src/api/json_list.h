// JsonList: a JSON list that is written as its items come, so that a long answer never is a tree of
// values in memory, nor written all at its end.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace puna {

// Adds a member to the text of an object; `json` is the text of its value.
inline void add_member(std::string_view name, std::string_view json, std::string& object) {
  object.pop_back();
  if (object.back() != '{') object += ',';
  object += '"';
  object += name;
  object += "\":";
  object += json;
  object += '}';
}

class JsonList {
 public:
  // `list` is a JSON list; its items follow those that are there.
  void append(const OrderedJson& list) {
    const std::string text = dump_json(list);
    if (list.empty()) return;
    if (!items_.empty()) items_ += ',';
    items_.append(text, 1, text.size() - 2);  // without its brackets
  }

  // Adds "[…]" to `target`; nothing is left.
  void move_to(std::string& target) {
    target += '[';
    target += items_;
    target += ']';
    items_ = std::string();
  }

 private:
  std::string items_;
};

}  // namespace puna
