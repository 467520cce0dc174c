// GgufWriter: for tests, the parts of a GGUF file written in their order; every number can be a
// lie.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/gguf.h"

namespace puna {

class GgufWriter {
 public:
  template <typename T>
  GgufWriter& number(T value) {
    const auto* begin = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), begin, begin + sizeof value);
    return *this;
  }
  GgufWriter& raw(std::string_view text) {
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    bytes_.insert(bytes_.end(), begin, begin + text.size());
    return *this;
  }
  GgufWriter& string(std::string_view text) { return number(uint64_t{text.size()}).raw(text); }
  GgufWriter& header(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
    return raw("GGUF").number(version).number(tensors).number(keys);
  }
  GgufWriter& key(std::string_view name, GgufType type) {
    return string(name).number(static_cast<uint32_t>(type));
  }
  GgufWriter& tensor(std::string_view name, const std::vector<uint64_t>& sizes, uint32_t type,
                     uint64_t offset) {
    string(name).number(static_cast<uint32_t>(sizes.size()));
    for (const uint64_t size : sizes) number(size);
    return number(type).number(offset);
  }
  GgufWriter& align() {
    while (bytes_.size() % 32 != 0) bytes_.push_back({});
    return *this;
  }
  GgufWriter& data(size_t count) {
    align();
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  std::vector<std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace puna
