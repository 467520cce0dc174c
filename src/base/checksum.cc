// XXH3 of xxHash behind checksum.h. Its functions fail for null pointers only.

#include "base/checksum.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "base/check.h"

namespace puna {
namespace {

XXH3_state_t* new_state() {
  XXH3_state_t* const state = XXH3_createState();
  CHECK(state != nullptr, "no memory for the state of a checksum");
  return state;
}

}  // namespace

void ChecksumStateFree::operator()(XXH3_state_s* state) const { XXH3_freeState(state); }

uint64_t checksum(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Checksum::Checksum() : state_(new_state()) { restart(); }

void Checksum::restart() { XXH3_64bits_reset(state_.get()); }

void Checksum::add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
}

uint64_t Checksum::value() const { return XXH3_64bits_digest(state_.get()); }

ContentHash::ContentHash() : state_(new_state()) { XXH3_128bits_reset(state_.get()); }

void ContentHash::add(std::span<const std::byte> bytes) {
  add(uint64_t{bytes.size()});
  XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
}

void ContentHash::add(std::string_view text) { add(std::as_bytes(std::span(text))); }

void ContentHash::add(uint64_t number) {
  XXH3_128bits_update(state_.get(), &number, sizeof number);
}

std::string ContentHash::hexadecimal() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace puna
