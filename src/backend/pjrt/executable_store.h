// ExecutableStore: compiled programs between starts, so that the second one compiles nothing.
//
// A file for each program, named by everything that decides what is in it: text, options, plugin,
// device and compiler flags. A damaged or foreign one is compiled again. Whatever goes wrong with a
// file costs time and is said in the log; it never ends a start.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "backend/pjrt/client.h"
#include "backend/pjrt/compile_options.h"
#include "base/status.h"

namespace puna::pjrt {

class ExecutableStore {
 public:
  // `place` is "auto" (the cache folder), "off" or a folder, which is made.
  static Result<ExecutableStore> open(const std::string& place, const DeviceClient& client,
                                      const std::filesystem::path& plugin);

  bool is_on() const { return !folder_.empty(); }
  const std::filesystem::path& folder() const { return folder_; }
  // The file of a program.
  std::filesystem::path path_of(std::string_view text, const CompileOptions& options) const;
  // Nothing when it is not there or cannot be used.
  std::optional<LoadedProgram> find(const DeviceClient& client,
                                    const std::filesystem::path& path) const;
  void keep(const LoadedProgram& program, const std::filesystem::path& path) const;

  // What was found out about programs that were all loaded from these files.
  std::filesystem::path notes_path(std::span<const std::filesystem::path> programs) const;
  std::optional<std::string> find_notes(const std::filesystem::path& path) const;
  void keep_notes(std::string_view notes, const std::filesystem::path& path) const;

 private:
  std::filesystem::path folder_;  // empty: off
  std::string maker_;             // what compiles, and for what
};

}  // namespace puna::pjrt
