// Log probabilities in the shapes of OpenAI's API and of vLLM's prompt_logprobs.
#pragma once

#include <vector>

#include "base/json.h"
#include "generate/generation_request.h"

namespace puna {

// How tokens are called: by their text, or "token_id:5" (vLLM's return_tokens_as_token_ids).
enum class TokenNames { kText, kIds };

// {"content": [{"token", "logprob", "bytes", "top_logprobs"}, …], "refusal": null}
OrderedJson chat_logprobs(const std::vector<TokenLogprob>& logprobs, TokenNames names);

// {"tokens", "token_logprobs", "top_logprobs", "text_offset"} of the prompt's tokens, if echoed,
// and the answer's. The token that stands there is always one of top_logprobs. Offsets are
// characters of the choice's text; the answer begins at `answer_offset`.
OrderedJson completion_logprobs(const std::vector<TokenLogprob>& prompt,
                                const std::vector<TokenLogprob>& answer, size_t answer_offset,
                                TokenNames names);

// [null, {"464": {"logprob", "rank", "decoded_token"}, …}, …]
OrderedJson prompt_logprobs_json(const std::vector<TokenLogprob>& logprobs);

}  // namespace puna
