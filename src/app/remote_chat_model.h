// A ChatModel behind an OpenAI-compatible server: puna serve, or any other.
#pragma once

#include <memory>
#include <string>

#include "app/chat_model.h"

namespace puna {

// Asks the server which models it has. `url` with or without "/v1"; `model` empty: the server's
// first. kUnavailable: it cannot be reached. kInvalidArgument: what it answers is no list of
// models, or `model` is not in it.
Result<std::unique_ptr<ChatModel>> open_remote_chat_model(const std::string& url,
                                                          const std::string& api_key,
                                                          const std::string& model);

}  // namespace puna
