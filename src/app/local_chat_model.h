// A ChatModel in this process.
#pragma once

#include <memory>

#include "app/chat_model.h"
#include "generate/generator.h"

namespace puna {

std::unique_ptr<ChatModel> make_local_chat_model(std::shared_ptr<Generator> generator);

}  // namespace puna
