// Plugin: a shared library that exports GetPjrtApi, and calls into it with the sizes of its
// version.
//
// Thread-safe, as PJRT is. A plugin is never unloaded: XLA leaves threads and statics behind.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/pjrt/pjrt_abi.h"
#include "backend/pjrt/pjrt_sizes.h"
#include "base/status.h"

namespace puna::pjrt {

struct PluginOptions {
  std::filesystem::path path;
  // Set before the library is loaded where the user has not set them: libraries read them then.
  std::vector<std::pair<std::string, std::string>> environment = {};
  // Whose sizes are sent at most; Neuron's plugin wants those of the version that it was told.
  int minor_version_max = kMinorVersionMax;
};

class Plugin {
 public:
  // kNotFound, kInvalidArgument or kFailedPrecondition with what to do about the file.
  static Result<std::shared_ptr<const Plugin>> open(const PluginOptions& options);

  // Calls a function of the API; its error becomes a Status with the plugin's message.
  template <class Arguments>
  Status call(Arguments& arguments) const {
    arguments.head.struct_size = arguments_size(Arguments::kEntry, minor_version_);
    return call(Arguments::kEntry, &arguments);
  }
  // Options of an execution, with the size of this plugin's version.
  ExecuteOptions execute_options() const;
  const std::filesystem::path& path() const { return path_; }
  std::string api_version() const;  // "0.81"
  std::string describe() const;     // "/path/plugin.so, PJRT C API 0.81"

 private:
  Plugin(const Api* api, std::filesystem::path path, int minor_version)
      : api_(api), path_(std::move(path)), minor_version_(minor_version) {}

  Status call(Entry entry, void* arguments) const;
  EntryFunction find(Entry entry) const;  // null when the plugin has no such function
  Status take(Error* error) const;
  Status destroy(Error* error) const;

  const Api* api_;
  std::filesystem::path path_;
  int minor_version_;
};

// What a plugin gave us to destroy.
template <class Handle, class Destroy>
class Owned {
 public:
  Owned() = default;
  Owned(std::shared_ptr<const Plugin> plugin, Handle* handle)
      : plugin_(std::move(plugin)), handle_(handle) {}
  Owned(Owned&& other) noexcept
      : plugin_(std::move(other.plugin_)), handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(plugin_, other.plugin_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (handle_ == nullptr) return;
    Destroy arguments;
    arguments.handle = handle_;
    // There is nothing to do about a handle that cannot be destroyed.
    [[maybe_unused]] const Status status = plugin_->call(arguments);
  }

  Handle* get() const { return handle_; }

 private:
  std::shared_ptr<const Plugin> plugin_;
  Handle* handle_ = nullptr;
};

using OwnedEvent = Owned<Event, EventDestroyArgs>;
using OwnedClient = Owned<Client, ClientDestroyArgs>;
using OwnedBuffer = Owned<Buffer, BufferDestroyArgs>;
using OwnedExecutable = Owned<Executable, ExecutableDestroyArgs>;
using OwnedLoadedExecutable = Owned<LoadedExecutable, LoadedExecutableDestroyArgs>;

}  // namespace puna::pjrt
