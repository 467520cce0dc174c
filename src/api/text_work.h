// Work on the text of a request, on the text pool: its connection waits for it as for an answer.
#pragma once

#include <atomic>
#include <functional>

#include "generate/text_pool.h"
#include "http/http_handler.h"

namespace puna {

// `abandoned` becomes true when the client leaves; what is still to do may then be left.
using TextWork = std::function<HttpOutcome(const std::atomic<bool>& abandoned)>;

// A stream that becomes what `work` gives, be it a reply or an answer; or at once the reply that
// too much text waits already. `bytes` is how much text the work is about. An exception (no memory)
// ends the request alone. `engine_wait_seconds` is how long the text's answer would wait after
// that.
HttpOutcome on_text_pool(TextPool& pool, size_t bytes, int engine_wait_seconds, TextWork work);

// Retry-After of whoever finds no room for so much text.
int text_retry_after_seconds(const TextPool& pool, size_t bytes);

}  // namespace puna
