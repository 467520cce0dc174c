// The reference plugin for tests, by the rules that it shall follow.
#pragma once

#include <filesystem>
#include <string>

namespace puna {

// A copy of libpjrt_ref.so, which lies beside the running program, that follows `rules` (xla,
// neuron, old, sparse): they are chosen when it is loaded first. Load it before asking for another.
// Copies are removed when the process ends.
std::filesystem::path reference_plugin(const std::string& rules);

}  // namespace puna
