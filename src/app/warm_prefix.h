// --warm-prefix FILE: what many conversations begin with, computed before anybody asks.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/status.h"
#include "generate/generator.h"

namespace puna {

// A system prompt, or chats.
using WarmPrefix = std::variant<std::string, std::vector<ChatMessages>>;

// A text is a system prompt; a JSON list has chats: lists of messages, or objects with "messages".
Result<WarmPrefix> parse_warm_prefix(std::string_view text);
Result<WarmPrefix> read_warm_prefix(const std::string& path);

Status warm(const WarmPrefix& prefix, Generator& generator);

}  // namespace puna
