// GPT-2's reversible alphabet: every byte as a visible character.

#include <array>
#include <unordered_map>

#include "base/utf8.h"
#include "tokenizer/bpe_vocabulary.h"

namespace puna {
namespace {

bool stands_for_itself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

// Code point of each byte.
std::array<uint32_t, 256> make_alphabet() {
  std::array<uint32_t, 256> alphabet{};
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    alphabet[byte] = stands_for_itself(byte) ? byte : next++;
  }
  return alphabet;
}

const std::array<uint32_t, 256>& alphabet() {
  static const std::array<uint32_t, 256> made = make_alphabet();
  return made;
}

const std::unordered_map<uint32_t, char>& bytes_by_code_point() {
  static const std::unordered_map<uint32_t, char> made = [] {
    std::unordered_map<uint32_t, char> bytes;
    for (size_t byte = 0; byte < 256; ++byte) bytes[alphabet()[byte]] = static_cast<char>(byte);
    return bytes;
  }();
  return made;
}

}  // namespace

std::string byte_level_spelling(unsigned char byte) {
  std::string spelling;
  append_utf8(spelling, alphabet()[byte]);
  return spelling;
}

std::string byte_level_spelling(std::string_view bytes) {
  std::string spelling;
  spelling.reserve(bytes.size() + bytes.size() / 4);
  for (const char byte : bytes) append_utf8(spelling, alphabet()[static_cast<unsigned char>(byte)]);
  return spelling;
}

std::optional<TokenId> find_piece(const std::vector<std::string>& pieces, std::string_view piece) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i] == piece) return static_cast<TokenId>(i);
  }
  return std::nullopt;
}

std::optional<std::string> decode_byte_level(std::string_view spelling) {
  std::string bytes;
  while (!spelling.empty()) {
    const Utf8Step step = decode_utf8(spelling);
    const auto found = bytes_by_code_point().find(step.code_point);
    if (!step.valid || found == bytes_by_code_point().end()) return std::nullopt;
    bytes += found->second;
    spelling.remove_prefix(step.length);
  }
  return bytes;
}

}  // namespace puna
