// Words of a line are separated by spaces or tabs; a key has none, as no header could carry it.

#include "api/key_file.h"

#include <openssl/evp.h>

#include <algorithm>
#include <map>
#include <memory>
#include <new>
#include <utility>

#include "base/parse_number.h"
#include "base/random_seed.h"
#include "base/suggestion.h"

namespace puna {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kName = "name";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kNameLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";
// What keys without a name are called in logs.
constexpr std::string_view kGivenName = "key-";

struct LimitWord {
  std::string_view word;
  int64_t KeyLimits::* limit;
};
constexpr LimitWord kLimitWords[] = {{"requests-per-minute", &KeyLimits::requests_per_minute},
                                     {"tokens-per-minute", &KeyLimits::tokens_per_minute},
                                     {"max-concurrent", &KeyLimits::concurrent_max}};

std::vector<std::string> known_words() {
  std::vector<std::string> words = {std::string(kName)};
  for (const LimitWord& one : kLimitWords) words.emplace_back(one.word);
  return words;
}

bool is_known(std::string_view word) {
  const std::vector<std::string> words = known_words();
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (size_t begin = line.find_first_not_of(kBlanks); begin < line.size();
       begin = line.find_first_not_of(kBlanks, begin)) {
    const size_t end = std::min(line.find_first_of(kBlanks, begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

Status check_key(std::string_view key) {
  if (key.size() > kKeyBytesMax) {
    return invalid_argument("the key has {} bytes, at most {}", key.size(), kKeyBytesMax);
  }
  if (is_known(key.substr(0, key.find('=')))) {
    return invalid_argument("the key comes first, and what it has comes behind it");
  }
  const bool visible =
      std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 127; });
  if (!visible) return invalid_argument("the key has a letter that no HTTP header can carry");
  return {};
}

Status check_name(std::string_view name) {
  if (name.empty() || name.size() > kKeyNameBytesMax ||
      name.find_first_not_of(kNameLetters) != name.npos) {
    return invalid_argument("a name has from 1 to {} letters, digits, '.', '_', '@' or '-'",
                            kKeyNameBytesMax);
  }
  const std::string_view rest = name.starts_with(kGivenName) ? name.substr(kGivenName.size()) : "";
  if (!rest.empty() && rest.find_first_not_of("0123456789") == rest.npos) {
    return invalid_argument("{} is what a key without a name is called; choose another name", name);
  }
  return {};
}

// Of a word that is none, only what cannot be a part of a key is shown.
Status unknown_word(std::string_view word, bool has_value) {
  if (!has_value) {
    return invalid_argument(
        "a line is KEY [name=NAME] [requests-per-minute=N] [tokens-per-minute=N] "
        "[max-concurrent=N]; this one has a word without '=' behind the key, and a key has no "
        "spaces");
  }
  const bool is_word =
      word.size() <= 32 && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-_") == word.npos;
  return invalid_argument(
      "unknown word {}{}; there are name, requests-per-minute, tokens-per-minute and "
      "max-concurrent",
      is_word ? word : "before '='", is_word ? suggestion(word, known_words()) : "");
}

Status set_word(std::string_view word, ApiKey& key) {
  const size_t equals = std::min(word.find('='), word.size());
  const bool has_value = equals < word.size();
  const std::string_view name = word.substr(0, equals),
                         value = has_value ? word.substr(equals + 1) : std::string_view();
  if (has_value && name == kName) {
    RETURN_IF_ERROR(check_name(value));
    key.name = value;
    return {};
  }
  const auto* known = std::find_if(std::begin(kLimitWords), std::end(kLimitWords),
                                   [&](const LimitWord& one) { return one.word == name; });
  if (!has_value || known == std::end(kLimitWords)) return unknown_word(name, has_value);
  const auto number = parse_number<int64_t>(value);
  if (!number || *number < 1 || *number > kKeyLimitMax) {
    return invalid_argument("{} is a number from 1 to {}; leave it out for no limit", name,
                            kKeyLimitMax);
  }
  key.limits.*known->limit = *number;
  return {};
}

Result<ApiKey> parse_line(const std::vector<std::string_view>& words) {
  RETURN_IF_ERROR(check_key(words.front()));
  ApiKey key;
  key.digest = digest_of_key(words.front());
  std::vector<std::string_view> seen;
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    RETURN_IF_ERROR(set_word(*word, key));
    const std::string_view name = word->substr(0, word->find('='));
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return invalid_argument("it has {} twice", name);
    }
    seen.push_back(name);
  }
  return key;
}

// What lines have to do with each other.
class SeenKeys {
 public:
  Status add(const ApiKey& key, int line) {
    const auto [same, is_new] = lines_.emplace(key.digest, line);
    if (!is_new) return invalid_argument("this key is already in line {}", same->second);
    if (key.name.empty()) return {};
    const auto [named, is_first] = limits_.emplace(key.name, key.limits);
    if (is_first || named->second == key.limits) return {};
    return invalid_argument(
        "the other key of {} has other limits; keys of one name share theirs, so both lines say "
        "the same",
        key.name);
  }

 private:
  std::map<KeyDigest, int> lines_;
  std::map<std::string, KeyLimits> limits_;
};

struct KeyLine {
  int number = 0;
  std::vector<std::string_view> words;  // the key is the first
};

// Those that have a key.
std::vector<KeyLine> key_lines(std::string_view text) {
  std::vector<KeyLine> lines;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::vector<std::string_view> words = words_of(line);
    if (words.empty() || words.front().starts_with('#')) continue;
    lines.push_back({number, std::move(words)});
  }
  return lines;
}

struct DigestFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

KeyDigest digest_of_key(std::string_view key) {
  static const std::array<uint64_t, 4> salt = {random_seed(), random_seed(), random_seed(),
                                               random_seed()};
  KeyDigest digest{};
  const std::unique_ptr<EVP_MD_CTX, DigestFree> context(EVP_MD_CTX_new());
  const bool made = context != nullptr &&
                    EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), salt.data(), sizeof salt) == 1 &&
                    EVP_DigestUpdate(context.get(), key.data(), key.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  if (!made) throw std::bad_alloc();  // nothing else can go wrong
  return digest;
}

Result<std::vector<ApiKey>> parse_key_file(std::string_view text, std::string_view path) {
  std::vector<ApiKey> keys;
  SeenKeys seen;
  for (const auto& [number, words] : key_lines(text)) {
    auto key = parse_line(words);
    Status wrong = key.ok() ? seen.add(*key, number) : key.status();
    if (!wrong.ok()) return invalid_argument("{}:{}: {}", path, number, wrong.message());
    keys.push_back(*std::move(key));
  }
  if (keys.empty()) return invalid_argument("{}: it holds no key", path);
  return keys;
}

std::vector<std::string> keys_in_file(std::string_view text) {
  std::vector<std::string> keys;
  for (const KeyLine& line : key_lines(text)) keys.emplace_back(line.words.front());
  return keys;
}

}  // namespace puna
