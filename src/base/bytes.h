// Amounts of memory and of files for people, everywhere in the same words.
#pragma once

#include <cstdint>
#include <string>

namespace puna {

// "1.2 GB", "269.0 MB", "4 kB": powers of ten.
std::string describe_bytes(int64_t bytes);

}  // namespace puna
