// Values of the template interpreter: making, comparing and printing them as Python does.

#include "jinja/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace puna::jinja {
namespace {

// Writes `text` as a Python string literal; marks of the characters go to what they become.
void append_quoted(MarkedText& out, const MarkedText& text) {
  const bool has_single = text.bytes().find('\'') != std::string::npos;
  const bool has_double = text.bytes().find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  const std::string_view quote_text(&quote, 1);
  out.append(quote_text, kFromTemplate);
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text.bytes()[i];
    const char mark = text.marks()[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out.append("\\", mark);
      out.append(std::string_view(&c, 1), mark);
    } else if (c == '\n') {
      out.append("\\n", mark);
    } else if (c == '\r') {
      out.append("\\r", mark);
    } else if (c == '\t') {
      out.append("\\t", mark);
    } else if (byte < 0x20 || byte == 0x7F) {
      out.append(fmt::format("\\x{:02x}", byte), mark);
    } else {
      out.append(std::string_view(&c, 1), mark);
    }
  }
  out.append(quote_text, kFromTemplate);
}

void append_sequence(MarkedText& out, const Sequence& sequence) {
  const bool tuple = sequence.kind == SequenceKind::kTuple;
  out.append(tuple ? "(" : "[", kFromTemplate);
  for (size_t i = 0; i < sequence.items.size(); ++i) {
    if (i > 0) out.append(", ", kFromTemplate);
    out.append(to_repr(sequence.items[i]));
  }
  if (tuple && sequence.items.size() == 1) out.append(",", kFromTemplate);
  out.append(tuple ? ")" : "]", kFromTemplate);
}

void append_dict(MarkedText& out, const Dict& dict) {
  out.append("{", kFromTemplate);
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    if (i > 0) out.append(", ", kFromTemplate);
    out.append(to_repr(dict.entries[i].first));
    out.append(": ", kFromTemplate);
    out.append(to_repr(dict.entries[i].second));
  }
  out.append("}", kFromTemplate);
}

bool equal_sequences(const Sequence& a, const Sequence& b) {
  if (a.kind != b.kind || a.items.size() != b.items.size()) return false;
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), equal);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
    const Value* other = find(b, entry.first);
    return other != nullptr && equal(entry.second, *other);
  });
}

size_t add_sizes(size_t a, size_t b) { return a > SIZE_MAX - b ? SIZE_MAX : a + b; }

}  // namespace

Value make_none() { return Value{None{}}; }
Value make_bool(bool value) { return Value{value}; }
Value make_integer(int64_t value) { return Value{value}; }
Value make_float(double value) { return Value{value}; }
Value make_undefined(std::string_view name) { return Value{Undefined{std::string(name)}}; }
Value make_text(MarkedText text) {
  return Value{std::make_shared<const MarkedText>(std::move(text))};
}
Value make_text(std::string_view text) { return make_text(MarkedText(text)); }

Value make_list(std::vector<Value> items, SequenceKind kind) {
  int depth = 0;
  size_t size = 1;
  for (const Value& item : items) {
    depth = std::max(depth, depth_of(item));
    size = add_sizes(size, deep_size(item));
  }
  return Value{std::make_shared<const Sequence>(Sequence{std::move(items), kind, depth + 1, size})};
}

Value make_dict(std::vector<std::pair<Value, Value>> entries) {
  int depth = 0;
  size_t size = 1;
  for (const auto& [key, value] : entries) {
    depth = std::max({depth, depth_of(key), depth_of(value)});
    size = add_sizes(add_sizes(size, deep_size(key)), deep_size(value));
  }
  return Value{std::make_shared<const Dict>(Dict{std::move(entries), depth + 1, size})};
}

int depth_of(const Value& value) {
  if (value.is_sequence()) return value.sequence().depth;
  if (value.is_dict()) return value.dict().depth;
  return 0;
}

size_t deep_size(const Value& value) {
  if (value.is_sequence()) return value.sequence().size;
  if (value.is_dict()) return value.dict().size;
  return shallow_size(value);
}

size_t shallow_size(const Value& value) {
  if (value.is_text()) return value.text().size() + 1;
  if (value.is_sequence()) return value.sequence().items.size() + 1;
  if (value.is_dict()) return value.dict().entries.size() + 1;
  return 1;
}

std::string_view type_name(const Value& value) {
  static constexpr std::array<std::string_view, 12> kNames = {
      "undefined", "none", "bool",      "int",  "float", "str",
      "list",      "dict", "namespace", "loop", "macro", "function"};
  return kNames[value.held.index()];
}

bool is_true(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (value.is_number()) return value.number() != 0;
  if (value.is_text()) return !value.text().empty();
  if (value.is_sequence()) {
    const Sequence& sequence = value.sequence();
    return sequence.kind == SequenceKind::kGenerator || !sequence.items.empty();
  }
  if (value.is_dict()) return !value.dict().entries.empty();
  return true;
}

bool equal(const Value& a, const Value& b) {
  if (a.is_integer() && b.is_integer()) return a.integer() == b.integer();
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.held.index() != b.held.index()) return false;
  if (a.is_undefined() || a.is_none()) return true;
  if (a.is_text()) return a.text() == b.text();
  if (a.is_sequence()) return equal_sequences(a.sequence(), b.sequence());
  if (a.is_dict()) return equal_dicts(a.dict(), b.dict());
  if (a.is<NamespaceRef>()) {
    return std::get<NamespaceRef>(a.held).index == std::get<NamespaceRef>(b.held).index;
  }
  if (a.is<Macro>())
    return std::get<Macro>(a.held).definition == std::get<Macro>(b.held).definition;
  if (a.is<Builtin>()) return std::get<Builtin>(a.held).name == std::get<Builtin>(b.held).name;
  return false;
}

std::optional<int> compare(const Value& a, const Value& b) {
  if (a.is_integer() && b.is_integer()) {
    return a.integer() < b.integer() ? -1 : a.integer() > b.integer() ? 1 : 0;
  }
  if (a.is_number() && b.is_number()) {
    return a.number() < b.number() ? -1 : a.number() > b.number() ? 1 : 0;
  }
  // Bytes of UTF-8 have the order of their code points.
  if (a.is_text() && b.is_text()) return a.text().bytes().compare(b.text().bytes());
  return std::nullopt;
}

const Value* find(const Dict& dict, const Value& key) {
  for (const auto& [name, value] : dict.entries) {
    if (equal(name, key)) return &value;
  }
  return nullptr;
}

const Value* find(const Dict& dict, std::string_view key) {
  for (const auto& [name, value] : dict.entries) {
    if (name.is_text() && name.text().bytes() == key) return &value;
  }
  return nullptr;
}

MarkedText to_text(const Value& value) {
  if (value.is_undefined()) return {};
  if (value.is_text()) return value.text();
  return to_repr(value);
}

MarkedText to_repr(const Value& value) {
  if (value.is_undefined()) return MarkedText("Undefined");
  if (value.is_none()) return MarkedText("None");
  if (value.is_bool()) return MarkedText(std::get<bool>(value.held) ? "True" : "False");
  if (value.is_integer()) return MarkedText(fmt::format("{}", value.integer()));
  if (value.is_float()) return MarkedText(float_to_text(value.number()));
  MarkedText out;
  if (value.is_text()) {
    append_quoted(out, value.text());
  } else if (value.is_sequence()) {
    append_sequence(out, value.sequence());
  } else if (value.is_dict()) {
    append_dict(out, value.dict());
  } else {
    out.append(fmt::format("<{}>", type_name(value)), kFromTemplate);
  }
  return out;
}

std::string float_to_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 400> buffer{};
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  std::string text(buffer.data(), end);
  if (plain && text.find('.') == std::string::npos) text += ".0";
  return text;
}

}  // namespace puna::jinja
