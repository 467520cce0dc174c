// The answer to a client whose key has limits: with its headers, and its place among the client's
// requests given back before the last of it is sent.
#pragma once

#include <memory>

#include "api/key_meter.h"
#include "http/http_handler.h"

namespace puna {

// Null: the client has no limits.
std::shared_ptr<KeyMeter::Ticket> ticket_of(const HttpRequest& head);

HttpOutcome metered(HttpOutcome outcome, std::shared_ptr<KeyMeter::Ticket> ticket);

}  // namespace puna
