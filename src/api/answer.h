// Answer: what becomes of the chunks of one HTTP request's generations, in the shape of its route.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "api/error_response.h"
#include "api/http_message.h"
#include "generate/generation_stream.h"

namespace puna {

class Answer {
 public:
  virtual ~Answer() = default;

  // A chunk of choice `index`. Never one that ends with an error: those end the whole answer.
  virtual void add(size_t index, const GenerationChunk& chunk, const GenerationStream& stream) = 0;

  // Server-sent events for what was added since the last call.
  virtual std::string take_events() = 0;
  // After the last chunk of the last choice: what closes the events, "[DONE]" included.
  virtual std::string last_events() = 0;
  // The same as one document, for a request that does not stream.
  virtual HttpReply reply() = 0;
};

// "data: …\n\n"
std::string server_sent_event(const std::string& data);
// An error after the events have begun, and the end of them.
std::string error_events(const ApiError& error);

}  // namespace puna
