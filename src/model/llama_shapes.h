// The shapes of well-known Llamas by name, for measuring without their files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/llama_config.h"

namespace puna {

// The config of a shape, as its config.json has it; nothing for a name that is not known.
std::optional<LlamaConfig> find_llama_shape(std::string_view name);

// All names, smallest model first.
std::vector<std::string> llama_shape_names();

}  // namespace puna
