// "SGVsbG8= 9906": ranks are ids, and say which two neighbours merge first.

#include "tokenizer/tiktoken_vocabulary.h"

#include <algorithm>
#include <array>

#include "base/parse_number.h"

namespace puna {
namespace {

constexpr size_t kTiktokenTokenBytesMax = 4096;

// The value of each letter; -1 for bytes that are none.
std::array<int, 256> make_values() {
  std::array<int, 256> values{};
  values.fill(-1);
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kLetters.size(); ++i) {
    values[static_cast<unsigned char>(kLetters[i])] = static_cast<int>(i);
  }
  return values;
}

std::optional<std::string> decode_base64(std::string_view text) {
  static const std::array<int, 256> values = make_values();
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xFFFFFF;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

struct Entry {
  std::string token;
  size_t rank = 0;
};

std::optional<Entry> parse_line(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == line.npos || space == 0 || space > kTiktokenTokenBytesMax) return std::nullopt;
  Entry entry;
  const auto token = decode_base64(line.substr(0, space));
  const auto rank = parse_number<size_t>(line.substr(space + 1));
  if (!token || token->empty() || !rank || *rank >= kVocabularySizeMax) return std::nullopt;
  entry.token = *token;
  entry.rank = *rank;
  return entry;
}

std::string_view take_line(std::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

bool is_tiktoken_list(std::string_view bytes) { return parse_line(take_line(bytes)).has_value(); }

Result<BpeVocabulary> read_tiktoken(std::string_view bytes, std::string_view origin) {
  BpeVocabulary vocabulary;
  size_t number = 0;
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::string_view line = take_line(rest);
    ++number;
    if (line.empty()) continue;
    const auto entry = parse_line(line);
    if (!entry) {
      return invalid_argument("{}: line {} is not a token in base64 and its rank from 0 to {}",
                              origin, number, kVocabularySizeMax - 1);
    }
    if (vocabulary.pieces.size() <= entry->rank) vocabulary.pieces.resize(entry->rank + 1);
    if (!vocabulary.pieces[entry->rank].empty()) {
      return invalid_argument("{}: line {} has the rank {} of another token", origin, number,
                              entry->rank);
    }
    vocabulary.pieces[entry->rank] = byte_level_spelling(entry->token);
  }
  auto words = named_pre_tokenizer("llama-bpe");
  if (!words.ok()) return words.status();
  vocabulary.pre_tokenizer = std::move(words->steps);
  vocabulary.merges_by_id = true;
  vocabulary.ignore_merges = true;
  vocabulary.spelling.byte_level = true;
  return vocabulary;
}

}  // namespace puna
