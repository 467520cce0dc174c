// The chat page: its files, embedded in the binary, and what it asks about the server.
#pragma once

#include <string_view>

#include "api/page_assets.h"
#include "api/page_options.h"
#include "generate/generator.h"
#include "http/http_message.h"

namespace puna {

// nullptr when the page has no such file; "/" is index.html.
const PageAsset* find_page_asset(std::string_view path);

// 200 with caching headers and a strict Content-Security-Policy, or 304.
HttpReply page_reply(const PageAsset& asset, const HttpRequest& request);

// {"title", "model", "examples", "texts", "system_prompt", "defaults", "max_model_len"}
HttpReply page_config_reply(const PageOptions& page, const Generator& generator);

}  // namespace puna
