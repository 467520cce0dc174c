// The file of API keys: who may call, under which name, and how much. Keys leave it as digests.
//
// A line is "KEY [name=NAME] [requests-per-minute=N] [tokens-per-minute=N] [max-concurrent=N]";
// blank lines and lines that begin with "#" are skipped. Messages never show a key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna {

inline constexpr size_t kKeyFileBytesMax = 1 << 20;
inline constexpr size_t kKeyBytesMax = 1024;
inline constexpr size_t kKeyNameBytesMax = 64;
inline constexpr int64_t kKeyLimitMax = 1'000'000'000'000;

// SHA-256 of a salt of this process and the key: it opens nothing anywhere else.
using KeyDigest = std::array<uint8_t, 32>;
KeyDigest digest_of_key(std::string_view key);

// What one client may use; 0: as much as it likes.
struct KeyLimits {
  int64_t requests_per_minute = 0;
  int64_t tokens_per_minute = 0;
  int64_t concurrent_max = 0;

  bool any() const { return requests_per_minute + tokens_per_minute + concurrent_max > 0; }
  bool operator==(const KeyLimits&) const = default;
};

struct ApiKey {
  KeyDigest digest{};
  std::string name;  // keys of one name are one client; empty: a client of its own
  KeyLimits limits;

  bool operator==(const ApiKey&) const = default;
};

// `path` is for messages: "PATH:3: …".
Result<std::vector<ApiKey>> parse_key_file(std::string_view text, std::string_view path);
// The keys themselves, of a text that parse_key_file() takes: for whoever sends them.
std::vector<std::string> keys_in_file(std::string_view text);

}  // namespace puna
