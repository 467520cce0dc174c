// Logprobs in the two shapes of OpenAI's API. Pure functions.
#pragma once

#include <vector>

#include "base/json.h"
#include "generate/generation_request.h"

namespace puna {

// {"content": [{"token", "logprob", "bytes", "top_logprobs"}], "refusal": null}
OrderedJson chat_logprobs(const std::vector<TokenLogprob>& logprobs);

// {"text_offset", "token_logprobs", "tokens", "top_logprobs"}; offsets are in bytes of the choice's
// text, from `text_offset` on. A token that nothing predicts has null.
OrderedJson completion_logprobs(const std::vector<TokenLogprob>& logprobs, size_t text_offset);

}  // namespace puna
