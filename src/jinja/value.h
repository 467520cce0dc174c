// Value: what an expression of a chat template can be. Plain data; nothing in it reaches the
// program.
//
// Lists and dicts never change after they are made and a namespace is only a number, so values form
// no cycles. There are no objects with attributes: a name after a dot is a key or a known method.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "jinja/text.h"

namespace puna::jinja {

struct Statement;
struct Value;

// Nesting that printing and comparing follow; deeper is an error before any stack is at risk.
inline constexpr int kValueDepthMax = 64;

enum class SequenceKind { kList, kTuple, kRange, kGenerator };

struct Sequence {
  std::vector<Value> items;
  SequenceKind kind = SequenceKind::kList;
  int depth = 1;    // levels of nesting, itself included
  size_t size = 1;  // of everything inside, as deep_size() counts
};

struct Dict {
  std::vector<std::pair<Value, Value>> entries;  // in order of insertion, keys differ
  int depth = 1;
  size_t size = 1;
};

struct Undefined {
  std::string name;  // what was looked up, for error messages
};
struct None {};
struct NamespaceRef {
  size_t index = 0;  // owned by the rendering
};
struct LoopState {
  std::shared_ptr<const Sequence> items;
  size_t index = 0;
  int nesting = 1;  // loop.depth
};
struct Macro {
  const Statement* definition = nullptr;
};
struct Builtin {
  std::string name;  // "range", "namespace", "raise_exception", "strftime_now", "dict"
};

struct Value {
  std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const MarkedText>,
               std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>, NamespaceRef,
               std::shared_ptr<const LoopState>, Macro, Builtin>
      held;

  template <typename T>
  bool is() const {
    return std::holds_alternative<T>(held);
  }
  bool is_undefined() const { return is<Undefined>(); }
  bool is_none() const { return is<None>(); }
  bool is_bool() const { return is<bool>(); }
  bool is_text() const { return is<std::shared_ptr<const MarkedText>>(); }
  bool is_sequence() const { return is<std::shared_ptr<const Sequence>>(); }
  bool is_dict() const { return is<std::shared_ptr<const Dict>>(); }
  bool is_float() const { return is<double>(); }
  // Python's int: bool is one too.
  bool is_integer() const { return is<int64_t>() || is_bool(); }
  bool is_number() const { return is_integer() || is_float(); }

  const MarkedText& text() const { return *std::get<std::shared_ptr<const MarkedText>>(held); }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(held); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(held); }
  int64_t integer() const { return is_bool() ? std::get<bool>(held) : std::get<int64_t>(held); }
  double number() const {
    return is_float() ? std::get<double>(held) : static_cast<double>(integer());
  }
};

Value make_none();
Value make_bool(bool value);
Value make_integer(int64_t value);
Value make_float(double value);
Value make_undefined(std::string_view name);
Value make_text(MarkedText text);
// Text that the template (or this program) wrote.
Value make_text(std::string_view text);
Value make_list(std::vector<Value> items, SequenceKind kind = SequenceKind::kList);
Value make_dict(std::vector<std::pair<Value, Value>> entries);

int depth_of(const Value& value);
// Bytes of text plus number of values, counted as often as they are reached; the largest size_t
// when more. What printing or comparing the value can cost.
size_t deep_size(const Value& value);
// The same for the value alone: bytes of a text, items of a list.
size_t shallow_size(const Value& value);
std::string_view type_name(const Value& value);  // Python's word: "str", "list", …

bool is_true(const Value& value);
// Python's ==. Values of different kinds are unequal; 1 == 1.0 == True.
bool equal(const Value& a, const Value& b);
// Python's order of numbers and of texts; nothing for other pairs.
std::optional<int> compare(const Value& a, const Value& b);

const Value* find(const Dict& dict, const Value& key);
const Value* find(const Dict& dict, std::string_view key);

// str(value), with the marks of the texts inside.
MarkedText to_text(const Value& value);
// repr(value): texts in quotes.
MarkedText to_repr(const Value& value);

struct JsonStyle {
  int indent = -1;  // spaces for each level; -1: one line
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
// json.dumps(value); kInvalidArgument for what JSON cannot hold.
Result<MarkedText> to_json(const Value& value, const JsonStyle& style);

// Python's repr of a float: the shortest digits that read back, "1e+16" from 16 digits on.
std::string float_to_text(double value);

}  // namespace puna::jinja
