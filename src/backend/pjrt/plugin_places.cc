// Names of packages and of their files as they were in November 2026.

#include "backend/pjrt/plugin_places.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "base/environment.h"

namespace puna::pjrt {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> split_paths(const std::string& list) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= list.size()) {
    const size_t end = std::min(list.find(':', begin), list.size());
    if (end > begin) parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

class FolderList {
 public:
  void add(const fs::path& folder) {
    std::error_code failure;
    const fs::path real = fs::canonical(folder, failure);  // /lib may be /usr/lib
    if (failure || !fs::is_directory(real, failure)) return;
    if (std::find(folders_.begin(), folders_.end(), real) != folders_.end()) return;
    folders_.push_back(real);
  }

  // PREFIX/lib/python3.N/site-packages, of every N, and Debian's dist-packages.
  void add_prefix(const fs::path& prefix) {
    std::error_code failure;
    std::vector<fs::path> versions;
    for (fs::directory_iterator entry(prefix / "lib", failure), end; !failure && entry != end;
         entry.increment(failure)) {
      if (entry->path().filename().string().starts_with("python3")) {
        versions.push_back(entry->path());
      }
    }
    std::sort(versions.rbegin(), versions.rend());
    for (const fs::path& version : versions) {
      add(version / "site-packages");
      add(version / "dist-packages");
    }
  }

  // Of each folder below `parent` whose name begins so.
  void add_prefixes(const fs::path& parent, std::string_view begin) {
    std::error_code failure;
    for (fs::directory_iterator entry(parent, failure), end; !failure && entry != end;
         entry.increment(failure)) {
      if (entry->path().filename().string().starts_with(begin)) add_prefix(entry->path());
    }
  }

  std::vector<fs::path> take() { return std::move(folders_); }

 private:
  std::vector<fs::path> folders_;
};

// The kind whose plugin has a file of this name.
std::string kind_of_file(const fs::path& path) {
  for (const DeviceKind& kind : device_kinds()) {
    for (const std::string_view file : kind.files) {
      if (fs::path(file).filename() == path.filename()) return std::string(kind.name);
    }
  }
  return "";
}

Status not_found(const DeviceKind& kind, std::span<const fs::path> folders) {
  return error(StatusCode::kNotFound,
               "no PJRT plugin for {} was found: {}, or give --device its file{} (looked for {} in "
               "{} Python folders; 'puna devices' lists them)",
               kind.name, kind.package,
               kind.variable.empty() ? "" : fmt::format(" or set {}", kind.variable),
               fmt::join(kind.files, ", "), folders.size());
}

}  // namespace

std::span<const DeviceKind> device_kinds() {
  static const std::vector<DeviceKind> kinds = {
      {"neuron",
       "NEURON_PJRT_PLUGIN",
       "install AWS's libneuronxla and neuronx-cc (pip, from AWS's own repository)",
       {"libneuronxla/libneuronpjrt.so"}},
      {"cuda",
       "",
       "pip install jax-cuda13-pjrt with its nvidia packages",
       {"jax_plugins/xla_cuda13/xla_cuda_plugin.so", "jax_plugins/xla_cuda12/xla_cuda_plugin.so"}},
      {"tpu", "TPU_LIBRARY_PATH", "pip install libtpu", {"libtpu/libtpu.so"}},
      {"cpu", "", "pip install xla-cpu-pjrt", {"xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"}}};
  return kinds;
}

std::vector<fs::path> site_packages() {
  FolderList folders;
  for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    const std::string prefix = environment(variable);
    if (!prefix.empty()) folders.add_prefix(prefix);
  }
  for (const std::string& folder : split_paths(environment("PYTHONPATH"))) folders.add(folder);
  for (const std::string& folder : split_paths(environment("PATH"))) {
    std::error_code ignored;
    if (fs::exists(fs::path(folder) / "python3", ignored)) {
      folders.add_prefix(fs::path(folder).parent_path());
    }
  }
  const std::string home = environment("HOME");
  if (!home.empty()) folders.add_prefix(fs::path(home) / ".local");
  folders.add_prefix("/usr/local");
  folders.add_prefix("/usr");
  folders.add("/usr/lib/python3/dist-packages");
  folders.add_prefixes("/opt", "aws_neuron");
  return folders.take();
}

std::optional<fs::path> find_plugin(const DeviceKind& kind, std::span<const fs::path> folders) {
  if (!kind.variable.empty()) {
    const fs::path named = environment(std::string(kind.variable).c_str());
    if (!named.empty()) return {named};
  }
  std::error_code ignored;
  for (const fs::path& folder : folders) {
    for (const std::string_view file : kind.files) {
      if (fs::exists(folder / file, ignored)) return folder / file;
    }
  }
  return std::nullopt;
}

Result<FoundPlugin> choose_plugin(const std::string& device) {
  const bool is_file = device.find('/') != device.npos || device.ends_with(".so");
  if (is_file) return FoundPlugin{kind_of_file(device), device};
  const std::vector<fs::path> folders = site_packages();
  for (const DeviceKind& kind : device_kinds()) {
    if (device != "auto" && device != kind.name) continue;
    if (const auto path = find_plugin(kind, folders)) {
      return FoundPlugin{std::string(kind.name), *path};
    }
    if (device == kind.name) return not_found(kind, folders);
  }
  if (device == "auto") {
    return error(StatusCode::kNotFound,
                 "no PJRT plugin was found for neuron, cuda, tpu or cpu: install one, or give "
                 "--device its file ('puna devices' says what was looked for)");
  }
  return invalid_argument(
      "--device {}: expected cpu, cuda, neuron, tpu or the path of a PJRT plugin (.so)", device);
}

}  // namespace puna::pjrt
