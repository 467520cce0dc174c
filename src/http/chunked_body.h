// ChunkedBody: the bytes of a body that comes in chunks (RFC 9112 7.1).
//
// Extensions and trailers are checked and dropped. Framing has limits of its own: a body of many
// tiny chunks with long extensions would cost much and carry nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/http_message.h"

namespace puna {

class ChunkedBody {
 public:
  // Takes what it understands from the front of `wire` and appends the body's bytes to `body`.
  // Returns the number of bytes taken; less than all when the body has ended or is broken.
  size_t take(std::string_view wire, std::string& body);

  bool complete() const { return state_ == State::kComplete; }
  const std::optional<HttpError>& error() const { return error_; }
  // Bytes that the chunk at hand has announced and not yet sent.
  uint64_t announced_bytes() const { return chunk_bytes_; }

 private:
  enum class State {
    kSize,
    kExtension,
    kSizeEnd,
    kData,
    kDataEnd,
    kDataEndLf,
    kTrailer,
    kComplete
  };

  void take_framing(char byte);
  void take_size(char byte);
  void take_trailer(char byte);
  void end_size_line();
  void fail(std::string message);

  State state_ = State::kSize;
  std::optional<HttpError> error_;
  uint64_t chunk_bytes_ = 0;  // still to come of this chunk
  int size_digits_ = 0;
  size_t line_bytes_ = 0;  // of the size line at hand
  uint64_t framing_bytes_ = 0, data_bytes_ = 0;
  std::string trailer_line_;
};

}  // namespace puna
