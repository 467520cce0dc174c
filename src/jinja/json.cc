// json.dumps() for template values: the `tojson` filter as Hugging Face defines it (no HTML
// escapes).

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "jinja/value.h"

namespace puna::jinja {
namespace {

std::string unicode_escape(uint32_t code_point) {
  if (code_point < 0x10000) return fmt::format("\\u{:04x}", code_point);
  const uint32_t rest = code_point - 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  Status write(const Value& value, int level) {
    if (value.is_text()) return write_text(value.text());
    if (value.is_sequence()) return write_sequence(value.sequence(), level);
    if (value.is_dict()) return write_dict(value.dict(), level);
    ASSIGN_OR_RETURN(const std::string scalar, scalar_text(value));
    add(scalar);
    return {};
  }
  MarkedText take() { return std::move(out_); }

 private:
  void add(std::string_view text) { out_.append(text, kFromTemplate); }

  static Result<std::string> scalar_text(const Value& value) {
    if (value.is_none()) return std::string("null");
    if (value.is_bool()) return std::string(std::get<bool>(value.held) ? "true" : "false");
    if (value.is_integer()) return fmt::format("{}", value.integer());
    if (value.is_float()) {
      const double number = value.number();
      if (std::isnan(number)) return std::string("NaN");
      if (std::isinf(number)) return std::string(number > 0 ? "Infinity" : "-Infinity");
      return float_to_text(number);
    }
    return invalid_argument("tojson: a value of type {} is not JSON", type_name(value));
  }

  Status write_text(const MarkedText& text) {
    add("\"");
    const std::string_view bytes = text.bytes();
    for (size_t i = 0; i < bytes.size();) {
      const Utf8Step step = decode_utf8(bytes.substr(i));
      out_.append(escaped(bytes.substr(i, step.length), step.code_point), text.marks()[i]);
      i += step.length;
    }
    add("\"");
    return {};
  }

  std::string escaped(std::string_view character, uint32_t code_point) const {
    switch (code_point) {
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      case '\b':
        return "\\b";
      case '\f':
        return "\\f";
      default:
        break;
    }
    const bool escape = code_point < 0x20 || (style_.ensure_ascii && code_point > 0x7E);
    return escape ? unicode_escape(code_point) : std::string(character);
  }

  void new_line(int level) {
    if (style_.indent < 0) return;
    add("\n" + std::string(static_cast<size_t>(style_.indent * level), ' '));
  }

  Status write_sequence(const Sequence& sequence, int level) {
    if (sequence.items.empty()) {
      add("[]");
      return {};
    }
    add("[");
    for (size_t i = 0; i < sequence.items.size(); ++i) {
      if (i > 0) add(style_.item_separator);
      new_line(level + 1);
      RETURN_IF_ERROR(write(sequence.items[i], level + 1));
    }
    new_line(level);
    add("]");
    return {};
  }

  Status write_dict(const Dict& dict, int level) {
    if (dict.entries.empty()) {
      add("{}");
      return {};
    }
    auto entries = dict.entries;
    if (style_.sort_keys) {
      std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
        return compare(a.first, b.first).value_or(0) < 0;
      });
    }
    add("{");
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) add(style_.item_separator);
      new_line(level + 1);
      RETURN_IF_ERROR(write_key(entries[i].first));
      add(style_.key_separator);
      RETURN_IF_ERROR(write(entries[i].second, level + 1));
    }
    new_line(level);
    add("}");
    return {};
  }

  Status write_key(const Value& key) {
    if (key.is_text()) return write_text(key.text());
    ASSIGN_OR_RETURN(const std::string scalar, scalar_text(key));
    add("\"" + scalar + "\"");
    return {};
  }

  const JsonStyle& style_;
  MarkedText out_;
};

}  // namespace

Result<MarkedText> to_json(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  RETURN_IF_ERROR(writer.write(value, 0));
  return writer.take();
}

}  // namespace puna::jinja
