// Any bytes as the file of a plugin: whole or not, and never read beyond.

#include <cstddef>
#include <cstdint>
#include <span>

#include "backend/pjrt/library_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto status = puna::pjrt::check_library(bytes, "plugin.so");
  return status.ok() && size == 0 ? 1 : 0;
}
