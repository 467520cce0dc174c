// puna chat: a conversation in the terminal, or one answer; with a model here or a server.
#pragma once

#include "app/options.h"

namespace puna {

// Returns the process's exit code.
int run_chat(const ChatOptions& options);

}  // namespace puna
