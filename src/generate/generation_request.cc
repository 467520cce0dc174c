// The words of finish reasons.

#include "generate/generation_request.h"

namespace puna {

const char* describe(FinishReason reason) {
  switch (reason) {
    case FinishReason::kNone:
      return "none";
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
    case FinishReason::kDeadline:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kError:
      return "error";
  }
  return "unknown";
}

Status validate_stop(const std::vector<std::string>& stop) {
  if (stop.size() > kStopStringsMax) {
    return invalid_field("stop", "has {} strings, at most {}", stop.size(), kStopStringsMax);
  }
  for (const std::string& text : stop) {
    if (text.empty())
      return invalid_field("stop", "has an empty string, which would end every answer");
    if (text.size() > kStopStringBytesMax) {
      return invalid_field("stop", "has a string of {} bytes, at most {}", text.size(),
                           kStopStringBytesMax);
    }
  }
  return {};
}

}  // namespace puna
