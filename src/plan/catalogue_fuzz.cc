// Any bytes as a catalogue: a catalogue whose numbers keep their rules, or one clear line.

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "plan/catalogue.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto catalogue = puna::plan::parse_catalogue(text, "catalogue.json");
  if (!catalogue.ok()) {
    CHECK(catalogue.status().message().find('\n') == std::string::npos, "one line");
    return 0;
  }
  for (const puna::plan::Instance& instance : catalogue->instances) {
    CHECK(instance.hour > 0 && instance.vcpus > 0 && instance.device_count > 0, "above zero");
    CHECK(instance.device.bytes_per_second > 0 && instance.device.memory_share <= 1, "a share");
  }
  return 0;
}
