// The manual page (roff, section 1), from the same words as --help. CLI11 is behind options*.cc
// only.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace puna {

std::string manual_page(const CLI::App& app);

}  // namespace puna
