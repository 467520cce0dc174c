// Where the plugins of known kinds of devices lie: packages put them into Python's site-packages.
//
// Nothing is loaded, and no Python is run: folders are looked at in the order in which a shell with
// this environment would find them.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna::pjrt {

// A name that --device takes, what brings its plugin, and where that puts it.
struct DeviceKind {
  std::string_view name;                // of the platform's profile too
  std::string_view variable;            // of the environment, with the plugin's path
  std::string_view package;             // how to get it
  std::vector<std::string_view> files;  // in site-packages, the first that is there
};

// In the order in which "auto" looks: what is fastest first.
std::span<const DeviceKind> device_kinds();

struct FoundPlugin {
  std::string kind;  // of device_kinds(); empty: a file whose name says nothing
  std::filesystem::path path;
};

// Folders that are there: of VIRTUAL_ENV, CONDA_PREFIX, PYTHONPATH, python3 in PATH, the user's,
// the system's and those of AWS's machine images.
std::vector<std::filesystem::path> site_packages();

std::optional<std::filesystem::path> find_plugin(
    const DeviceKind& kind, std::span<const std::filesystem::path> site_packages);

// `device` is "auto", a name or a file. kNotFound and kInvalidArgument say what to do.
Result<FoundPlugin> choose_plugin(const std::string& device);

}  // namespace puna::pjrt
