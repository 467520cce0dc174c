// Any bytes as a GGUF file: an error, or a file whose every value can be asked for.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "model/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const auto file = puna::GgufFile::parse(std::vector<std::byte>(begin, begin + size), "fuzz");
  if (!file.ok()) return 0;
  for (const std::string& key : (*file)->keys()) {
    (void)(*file)->get_string(key).ok();
    (void)(*file)->get_integer(key).ok();
    (void)(*file)->get_float(key).ok();
    (void)(*file)->get_bool(key).ok();
    (void)(*file)->get_strings(key).ok();
    (void)(*file)->get_integers(key).ok();
    (void)(*file)->get_floats(key).ok();
  }
  uint64_t sum = 0;
  for (const puna::GgufTensor& tensor : (*file)->tensors()) {
    for (const std::byte byte : tensor.bytes) sum += static_cast<uint64_t>(byte);
  }
  CHECK(sum != UINT64_MAX, "every byte was read");
  return 0;
}
