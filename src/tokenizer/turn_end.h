// turn_end_tokens(): the tokens that a chat template writes after an assistant's message.
//
// A model trained on the template ends its answers with them, also where the checkpoint's config
// names another token: without them it would go on with the user's next turn.
#pragma once

#include <vector>

#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// Empty when the template writes none, or refuses the conversation it is asked with.
std::vector<TokenId> turn_end_tokens(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                                     const ChatTemplateOptions& options);

}  // namespace puna
