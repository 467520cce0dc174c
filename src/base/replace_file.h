// replace_file(): a small file that others read is there whole, or as it was.
#pragma once

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <span>

#include "base/status.h"

namespace puna {

// Writes `parts`, one after the other, beside `path` and renames what is whole: processes that
// start beside each other need no lock. Its folder is there. An error leaves nothing behind.
Status replace_file(const std::filesystem::path& path,
                    std::initializer_list<std::span<const std::byte>> parts);

}  // namespace puna
