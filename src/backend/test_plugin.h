// The reference plugin for tests, by the rules that it shall follow.
#pragma once

#include <filesystem>
#include <string>

namespace puna {

// A copy of libpjrt_ref.so, which lies beside the running program, that follows `rules` (xla,
// neuron, old, sparse): they are chosen when it is loaded first. Load it before asking for another.
// Copies are removed when the process ends. With PUNA_PJRT_PLUGIN that plugin takes the place of
// the one with XLA's rules, for tests that want no faults of it (make test-accelerators).
std::filesystem::path reference_plugin(const std::string& rules);

}  // namespace puna
