// A library is loaded once for each file.

#include "backend/test_plugin.h"

#include <unistd.h>

#include <cstdlib>
#include <system_error>

namespace puna {
namespace {

class CopiesFolder {
 public:
  CopiesFolder()
      : path_(std::filesystem::temp_directory_path() /
              ("puna_pjrt_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~CopiesFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  CopiesFolder(const CopiesFolder&) = delete;
  CopiesFolder& operator=(const CopiesFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

std::filesystem::path reference_plugin(const std::string& rules) {
  const char* const real = std::getenv("PUNA_PJRT_PLUGIN");
  if (real != nullptr && rules == "xla") return real;
  static const CopiesFolder copies;
  setenv("PUNA_REFERENCE_PLUGIN", rules.c_str(), 1);
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto copy = copies.path() / ("libpjrt_ref_" + rules + ".so");
  std::filesystem::copy_file(folder / "libpjrt_ref.so", copy,
                             std::filesystem::copy_options::skip_existing);
  return copy;
}

}  // namespace puna
