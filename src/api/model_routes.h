// What is served: /v1/models, /v1/models/{id}, /version.
#pragma once

#include <string>
#include <string_view>

#include "http/http_message.h"
#include "generate/generator.h"

namespace puna {

HttpReply models_reply(const ModelCard& card);
// `name` as it stands in the path, %-escapes included; 404 for any other model.
HttpReply model_reply(const ModelCard& card, std::string_view name);
HttpReply version_reply(const std::string& version);

}  // namespace puna
