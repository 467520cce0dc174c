// generation_config.json and chat templates: the optional files of a Hugging Face folder.
#pragma once

#include <filesystem>
#include <string>

#include "base/status.h"
#include "model/checkpoint.h"

namespace puna {

inline constexpr size_t kChatTemplateBytesMax = 1u << 20;

// What `text` recommends; a value out of its range is left out with a warning, never passed on.
// Token ids that end an answer are added to config.eos_token_ids (Llama 3 lists some only here).
Result<GenerationConfig> parse_generation_config(std::string_view text, std::string_view origin,
                                                 LlamaConfig& config);

// The template of chat_template.jinja, else of tokenizer_config.json (a string, or the one named
// "default" in a list); empty when there is none.
Result<std::string> read_chat_template(const std::filesystem::path& folder);

}  // namespace puna
