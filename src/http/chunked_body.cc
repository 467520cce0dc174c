// A state machine over the bytes of the framing; data is copied in one piece.

#include "http/chunked_body.h"

#include <algorithm>

#include "http/request_head.h"

namespace puna {
namespace {

constexpr int kSizeDigitsMax = 15;  // so that no size overflows
constexpr size_t kSizeLineBytesMax = 4096;
// What framing may cost: a chunk of one byte has five bytes around it.
constexpr uint64_t kFramingBytesFree = 64 << 10;
constexpr uint64_t kFramingBytesPerByte = 16;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void ChunkedBody::fail(std::string message) {
  error_ = HttpError{400, "", "not a valid chunked body: " + std::move(message)};
}

size_t ChunkedBody::take(std::string_view wire, std::string& body) {
  size_t taken = 0;
  while (taken < wire.size() && !complete() && !error_) {
    if (state_ == State::kData) {
      const size_t size = std::min<uint64_t>(chunk_bytes_, wire.size() - taken);
      body.append(wire.substr(taken, size));
      taken += size;
      data_bytes_ += size;
      chunk_bytes_ -= size;
      if (chunk_bytes_ == 0) state_ = State::kDataEnd;
      continue;
    }
    take_framing(wire[taken++]);
  }
  return taken;
}

void ChunkedBody::take_framing(char byte) {
  if (++framing_bytes_ > kFramingBytesFree + kFramingBytesPerByte * data_bytes_) {
    return fail("more framing than body");
  }
  switch (state_) {
    case State::kSize:
      return take_size(byte);
    case State::kExtension:
      if (byte == '\r') {
        state_ = State::kSizeEnd;
      } else if ((byte >= 0 && byte < ' ' && byte != '\t') || byte == 0x7f) {
        fail("a control character in a chunk's extension");
      } else if (++line_bytes_ > kSizeLineBytesMax) {
        fail("a chunk's extension is too long");
      }
      return;
    case State::kSizeEnd:
      return byte == '\n' ? end_size_line() : fail("a chunk's size must end with CR LF");
    case State::kDataEnd:
      if (byte != '\r') return fail("a chunk must end with CR LF after as many bytes as it says");
      state_ = State::kDataEndLf;
      return;
    case State::kDataEndLf:
      if (byte != '\n') return fail("a chunk must end with CR LF after as many bytes as it says");
      state_ = State::kSize;
      return;
    case State::kTrailer:
      return take_trailer(byte);
    case State::kData:
    case State::kComplete:
      return;
  }
}

void ChunkedBody::take_size(char byte) {
  const int digit = hex_digit(byte);
  if (digit >= 0 && size_digits_ >= 0) {
    if (++size_digits_ > kSizeDigitsMax) return fail("a chunk's size is too large");
    chunk_bytes_ = chunk_bytes_ * 16 + static_cast<uint64_t>(digit);
    return;
  }
  if (size_digits_ == 0) return fail("a chunk begins with its size in hexadecimal digits");
  if (byte == '\r') {
    // Spaces after the size are allowed before an extension only.
    if (size_digits_ < 0) return fail("a chunk's size must end with CR LF");
    state_ = State::kSizeEnd;
  } else if (byte == ';') {
    state_ = State::kExtension;
  } else if ((byte == ' ' || byte == '\t') && ++line_bytes_ <= kSizeLineBytesMax) {
    size_digits_ = -1;  // no more digits
  } else {
    fail("a chunk's size has a character that is no hexadecimal digit");
  }
}

void ChunkedBody::end_size_line() {
  state_ = chunk_bytes_ > 0 ? State::kData : State::kTrailer;
  size_digits_ = 0;
  line_bytes_ = 0;
}

// Lines until an empty one; none of them means anything here.
void ChunkedBody::take_trailer(char byte) {
  trailer_line_.push_back(byte);
  if (trailer_line_.size() > kSizeLineBytesMax) return fail("a trailer is too long");
  if (const auto wrong = check_head_bytes(trailer_line_, trailer_line_.size() - 1)) {
    error_ = wrong;
    return;
  }
  if (!trailer_line_.ends_with("\r\n")) return;
  trailer_line_.resize(trailer_line_.size() - 2);
  if (trailer_line_.empty()) {
    state_ = State::kComplete;
  } else if (!parse_field(trailer_line_)) {
    fail("a trailer is not \"Name: value\"");
  }
  trailer_line_.clear();
}

}  // namespace puna
