// What a request gives to the chat template, messages and variables: JSON to plain data.
#pragma once

#include <string_view>

#include "api/request_fields.h"
#include "base/json.h"
#include "base/status.h"
#include "generate/generation_request.h"

namespace puna {

inline constexpr size_t kMessagesMax = 4096;

// kInvalidArgument with the place first: "messages[0].role must be …".
Result<ChatMessages> parse_messages(const Json& messages);

// chat_template_kwargs.
Status store_template_variables(const Json& value, ChatRendering& chat);

// The JSON Schema of one message.
std::string_view message_schema();

}  // namespace puna
