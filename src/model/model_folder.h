// A folder from outside: what is in it, which of its files may be opened, how its names are shown.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/status.h"

namespace puna {

inline constexpr size_t kShownNameBytesMax = 100;

// False also where the folder cannot be searched; opening then says why.
bool is_there(const std::filesystem::path& path);

// The folder's own name, also for "." and for a path that ends in '/'.
std::string folder_name(const std::filesystem::path& folder);

// The first file of the folder, by name, with one of these extensions; empty when there is none.
std::string first_file(const std::filesystem::path& folder,
                       std::initializer_list<std::string_view> extensions);

// A file name without any folder, so that joining it to a folder stays in it.
bool is_plain_name(std::string_view name);

// The Hugging Face cache links snapshots/REVISION/FILE to ../../blobs/HASH; any other link out of
// the folder is refused, so that a downloaded folder cannot name files elsewhere.
Status check_inside(const std::filesystem::path& folder, const std::filesystem::path& file);

// A name out of a file for a message: control characters escaped, long ones cut.
std::string printable_name(std::string_view name);

}  // namespace puna
