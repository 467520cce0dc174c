// ModelParts: what of a checkpoint stands between text and tokens, opened once and the same way by
// all commands: what `puna inspect` says is what `puna serve` does.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/checkpoint.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace puna {

struct ModelParts {
  std::string name;
  std::unique_ptr<Tokenizer> tokenizer;
  std::optional<ChatTemplate> chat_template;
  std::string bos_token, eos_token;  // as the chat template writes them
  GenerationConfig generation;
  // Every token that ends an answer, whichever file names it: config, generation config, tokenizer,
  // GGUF keys, and what the chat template writes after an assistant's message.
  std::vector<TokenId> end_tokens;
  std::vector<std::string> adapters;
};

// `chat_template`: a built-in template's name or a file; empty: the checkpoint's own.
Result<ModelParts> open_model_parts(const Checkpoint& checkpoint, const std::string& chat_template);

// Whether that name or file is a template.
Status check_chat_template(const std::string& choice);

// Those of the backend without weights: bytes as tokens, ChatML.
Result<ModelParts> fake_model_parts(const std::string& chat_template);

// "</s> (2), <|im_end|> (420)"
std::string describe_tokens(const Tokenizer& tokenizer, const std::vector<TokenId>& tokens);

}  // namespace puna
