// UTF-8 by Unicode 15 table 3-7.

#include "base/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace puna {
namespace {

struct LeadByte {
  size_t length;         // of the whole sequence, 0 for a byte that cannot lead
  uint8_t second_first;  // allowed range of the second byte
  uint8_t second_last;
};

LeadByte lead_byte(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// Bytes of `text` that fit the sequence its first byte announces (at least 1).
size_t well_formed_prefix(std::string_view text, const LeadByte& lead) {
  const size_t available = std::min(lead.length, text.size());
  size_t length = 1;
  while (length < available) {
    const auto byte = static_cast<uint8_t>(text[length]);
    const uint8_t first = length == 1 ? lead.second_first : 0x80;
    const uint8_t last = length == 1 ? lead.second_last : 0xBF;
    if (byte < first || byte > last) break;
    ++length;
  }
  return length;
}

}  // namespace

Utf8Step decode_utf8(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  const LeadByte lead = lead_byte(first);
  if (lead.length == 0) return {};
  if (lead.length == 1) return {first, 1, true};
  const size_t length = well_formed_prefix(text, lead);
  if (length < lead.length) return {kReplacementCharacter, length, false};
  uint32_t code_point = first & (0x7Fu >> lead.length);
  for (size_t i = 1; i < length; ++i) {
    code_point = code_point << 6 | (static_cast<uint8_t>(text[i]) & 0x3Fu);
  }
  return {code_point, length, true};
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = decode_utf8(text);
    if (!step.valid) return false;
    text.remove_prefix(step.length);
  }
  return true;
}

std::string repair_utf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  while (!text.empty()) {
    const Utf8Step step = decode_utf8(text);
    if (step.valid) {
      repaired.append(text.substr(0, step.length));
    } else {
      append_utf8(repaired, kReplacementCharacter);
    }
    text.remove_prefix(step.length);
  }
  return repaired;
}

void append_utf8(std::string& text, uint32_t code_point) {
  const auto push = [&text](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xC0 | code_point >> 6);
    push(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    push(0xE0 | code_point >> 12);
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  } else {
    push(0xF0 | code_point >> 18);
    push(0x80 | (code_point >> 12 & 0x3F));
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  }
}

// Bytes that begin a character.
size_t character_count(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  }));
}

size_t incomplete_utf8_suffix(std::string_view text) {
  const size_t longest = std::min<size_t>(3, text.size());
  for (size_t length = 1; length <= longest; ++length) {
    const std::string_view suffix = text.substr(text.size() - length);
    const LeadByte lead = lead_byte(static_cast<uint8_t>(suffix[0]));
    if (lead.length <= length) continue;  // a continuation byte, ASCII, or a complete character
    return well_formed_prefix(suffix, lead) == length ? length : 0;
  }
  return 0;
}

std::string escape_for_terminal(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const Utf8Step step = decode_utf8(text);
    const bool control =
        step.code_point < 0x20 || (step.code_point >= 0x7F && step.code_point < 0xA0);
    if (step.valid && !control) {
      escaped.append(text.substr(0, step.length));
    } else if (step.code_point == '\n') {
      escaped.append("\\n");
    } else if (step.code_point == '\t') {
      escaped.append("\\t");
    } else {
      for (const char byte : text.substr(0, step.length)) {
        escaped.append(fmt::format("\\x{:02x}", static_cast<uint8_t>(byte)));
      }
    }
    text.remove_prefix(step.length);
  }
  return escaped;
}

}  // namespace puna
