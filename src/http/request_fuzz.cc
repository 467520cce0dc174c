// A head and a chunked body from bytes that a stranger sends.

#include "http/chunked_body.h"
#include "http/request_head.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t end = bytes.find("\r\n\r\n");
  if (puna::check_head_bytes(bytes.substr(0, end))) return 0;
  const puna::RequestHead head = puna::parse_request_head(bytes.substr(0, end));
  if (head.error || !head.chunked || end == bytes.npos) return 0;
  puna::ChunkedBody chunks;
  std::string body;
  chunks.take(bytes.substr(end + 4), body);
  return 0;
}
