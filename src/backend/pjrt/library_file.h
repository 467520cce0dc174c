// Whether a file is a whole shared library: dlopen() maps what the file's head promises, and a file
// that was cut off ends the process with SIGBUS instead of an error.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/status.h"

namespace puna::pjrt {

// kInvalidArgument when the bytes are no ELF file of 64 bits or less than it says that it has.
Status check_library(std::span<const std::byte> file, std::string_view name);

// kNotFound when there is no file.
Status check_library_file(const std::filesystem::path& path);

}  // namespace puna::pjrt
