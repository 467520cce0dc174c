// The framing of server-sent events.

#include "api/answer.h"

namespace puna {

std::string server_sent_event(const std::string& data) { return "data: " + data + "\n\n"; }

std::string error_events(const ApiError& error) {
  return server_sent_event(error_body(error)) + server_sent_event("[DONE]");
}

}  // namespace puna
