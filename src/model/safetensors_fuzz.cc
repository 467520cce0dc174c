// Any bytes as a safetensors file: an error, or tensors that lie within it.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "model/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto tensors = puna::parse_safetensors(bytes, "fuzz");
  if (!tensors.ok()) return 0;
  for (const puna::SafetensorsTensor& tensor : *tensors) {
    CHECK(tensor.bytes.empty() ||
              (tensor.bytes.data() >= bytes.data() &&
               tensor.bytes.data() + tensor.bytes.size() <= bytes.data() + bytes.size()),
          "a tensor lies outside of its file");
  }
  return 0;
}
