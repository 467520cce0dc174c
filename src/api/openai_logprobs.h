// Log probabilities in the two shapes of OpenAI's API.
#pragma once

#include <vector>

#include "base/json.h"
#include "generate/generation_request.h"

namespace puna {

// {"content": [{"token", "logprob", "bytes", "top_logprobs"}, …], "refusal": null}
OrderedJson chat_logprobs(const std::vector<TokenLogprob>& logprobs);

// {"tokens", "token_logprobs", "top_logprobs", "text_offset"}. `text_offset` counts characters from
// where the text of the choice begins and is moved behind the tokens.
OrderedJson completion_logprobs(const std::vector<TokenLogprob>& logprobs, size_t& text_offset);

}  // namespace puna
