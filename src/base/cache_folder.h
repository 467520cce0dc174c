// Where what can be made again is kept between starts.
#pragma once

#include <filesystem>

#include "base/status.h"

namespace puna {

// $PUNA_CACHE, else $XDG_CACHE_HOME/puna, else ~/.cache/puna; kNotFound when none is named.
Result<std::filesystem::path> cache_folder();

}  // namespace puna
