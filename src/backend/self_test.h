// self_test: whether a backend computes a fixed prompt alike twice, before it serves anybody.
#pragma once

#include <span>

#include "backend/backend.h"

namespace puna {

// Reads the first tokens of `prompt` (at least one, of the vocabulary) and goes on with the
// likeliest, while it reads them again beside it; alone where the backend promises no bits in
// company. Two steps, each of which a large model takes a tenth of a second for.
// kInternal: logits that are no numbers, or other ones the second time than Exactness promises.
Status self_test(Backend& backend, std::span<const TokenId> prompt);

}  // namespace puna
