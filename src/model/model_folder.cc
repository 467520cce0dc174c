// File system questions about a model's folder, without exceptions.

#include "model/model_folder.h"

#include <algorithm>
#include <vector>

#include "base/utf8.h"

namespace puna {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::string folder_name(const fs::path& folder) {
  std::error_code ignored;
  const fs::path normal = fs::absolute(folder, ignored).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}

std::string first_file(const fs::path& folder, std::initializer_list<std::string_view> extensions) {
  std::error_code failure;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    const std::string extension = entry->path().extension().string();
    if (std::ranges::count(extensions, std::string_view(extension)) > 0) {
      names.push_back(entry->path().filename().string());
    }
  }
  return names.empty() ? "" : *std::ranges::min_element(names);
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

Status check_inside(const fs::path& folder, const fs::path& file) {
  std::error_code failure;
  const fs::path real_folder = fs::canonical(folder, failure);
  if (failure) return error(StatusCode::kNotFound, "{}: {}", folder.string(), failure.message());
  const fs::path real_file = fs::canonical(file, failure);
  if (failure) {
    return error(StatusCode::kNotFound, "{}: {}: download the model again", file.string(),
                 failure.message());
  }
  const fs::path parent = real_file.parent_path();
  const bool in_cache = real_folder.parent_path().filename() == "snapshots" &&
                        parent == real_folder.parent_path().parent_path() / "blobs";
  if (parent == real_folder || in_cache) return Status();
  return invalid_argument("{}: links to {}, outside the model's folder: put the file itself there",
                          file.string(), real_file.string());
}

std::string printable_name(std::string_view name) {
  return escape_for_terminal(name.substr(0, kShownNameBytesMax));
}

}  // namespace puna
