// The text that a model reads when Puna wants to know which of its input channels matter.
//
// A few thousand tokens of what chats are made of: questions and answers, prose, instructions,
// lists, code, numbers and a little of other languages. Written for this purpose. Changing it
// changes the weights of every model that is quantised afterwards.
#pragma once

#include <span>
#include <string_view>

namespace puna {

// Texts that have nothing to do with each other, each of 150 to 400 tokens.
std::span<const std::string_view> calibration_texts();

}  // namespace puna
