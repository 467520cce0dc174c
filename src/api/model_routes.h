// What is served: /v1/models, /v1/models/{id}, /version.
#pragma once

#include <string>
#include <string_view>

#include "generate/generator.h"
#include "http/http_message.h"

namespace puna {

HttpReply models_reply(const Generator& generator);
// `name` as it stands in the path, %-escapes included; 404 for any other model.
HttpReply model_reply(const Generator& generator, std::string_view name);
HttpReply version_reply(const std::string& version);

}  // namespace puna
