// Checksums against damage by accident (XXH3), fast enough for every byte of a large file.
//
// Not against a forger: whoever can write the file can write its checksum. xxHash is behind this
// file only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct XXH3_state_s;  // xxHash's own

namespace puna {

struct ChecksumStateFree {
  void operator()(XXH3_state_s* state) const;
};

uint64_t checksum(std::span<const std::byte> bytes);

// The checksum of bytes that come in parts: equal to checksum() of all of them in one.
class Checksum {
 public:
  Checksum();

  void add(std::span<const std::byte> bytes);
  uint64_t value() const;
  void restart();  // as if nothing had been added

 private:
  std::unique_ptr<XXH3_state_s, ChecksumStateFree> state_;
};

// Tells contents apart: 128 bits as 32 hexadecimal digits. Each part is added with its length, so
// that "ab" + "c" and "a" + "bc" differ.
class ContentHash {
 public:
  ContentHash();

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  void add(uint64_t number);
  std::string hexadecimal() const;

 private:
  std::unique_ptr<XXH3_state_s, ChecksumStateFree> state_;
};

}  // namespace puna
