// Any bytes as a file of API keys: keys within their limits, or a message that shows none of them.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/key_file.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto keys = puna::parse_key_file(text, "keys");
  if (!keys.ok()) {
    CHECK(keys.status().message().starts_with("keys:"), "an error without its place");
    return 0;
  }
  CHECK(!keys->empty(), "a file without keys lets nobody in");
  for (const puna::ApiKey& key : *keys) {
    CHECK(key.name.size() <= puna::kKeyNameBytesMax, "a name over its limit");
    for (const int64_t limit : {key.limits.requests_per_minute, key.limits.tokens_per_minute,
                                key.limits.concurrent_max}) {
      CHECK(limit >= 0 && limit <= puna::kKeyLimitMax, "a limit out of its range");
    }
  }
  return 0;
}
