// The chat page: embedded files under "/", what the page asks about the server, and its safety
// headers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/http_message.h"
#include "api/page_assets.h"
#include "api/page_options.h"
#include "base/status.h"
#include "generate/generator.h"

namespace puna {

// A JSON list of strings, as --examples-file has it.
Result<std::vector<std::string>> parse_examples(std::string_view json_text,
                                                std::string_view origin);

// The file behind a path ("/" is index.html); nothing when there is none. Answers 304 for a known
// ETag. Every browser that can show the page takes gzip.
std::optional<HttpReply> find_page_asset(const HttpRequest& request);

// {"title", "model", "max_model_len", "examples", "system_prompt", "defaults"}
HttpReply page_config_reply(const PageOptions& options, const Generator& generator);

}  // namespace puna
