// Loading by dlopen, and errors of the C API as Status.

#include "backend/pjrt/plugin.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "backend/pjrt/library_file.h"

namespace puna::pjrt {
namespace {

using GetApi = const Api* (*)();

Result<const Api*> load(const std::filesystem::path& path) {
  RETURN_IF_ERROR(check_library_file(path));
  // Local, so that its LLVM and protobuf meet nobody else's; never unloaded.
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* const reason = dlerror();
    return invalid_argument("{} cannot be loaded as a PJRT plugin: {}", path.string(),
                            reason == nullptr ? "unknown reason" : reason);
  }
  const auto get_api = reinterpret_cast<GetApi>(dlsym(library, "GetPjrtApi"));
  if (get_api == nullptr) {
    return invalid_argument("{} is no PJRT plugin: it does not export GetPjrtApi", path.string());
  }
  const Api* const api = get_api();
  if (api == nullptr) {
    return error(StatusCode::kFailedPrecondition, "{}: GetPjrtApi gave nothing", path.string());
  }
  return api;
}

Status check_version(const Api& api, const std::filesystem::path& path) {
  if (api.head.struct_size < offsetof(Api, entries)) {
    return error(StatusCode::kFailedPrecondition, "{}: its table of functions has {} bytes",
                 path.string(), api.head.struct_size);
  }
  if (api.major_version == 0 && api.minor_version >= kMinorVersionMin) return {};
  return error(StatusCode::kFailedPrecondition,
               "{} has version {}.{} of the PJRT C API; Puna calls 0.{} and newer: install a newer "
               "plugin",
               path.string(), api.major_version, api.minor_version, kMinorVersionMin);
}

// Numbers are the same; what is not among ours is a bug of somebody.
StatusCode code_of(int code) {
  switch (code) {
    case 1:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 11:
    case 12:
    case 14:
    case 15:
    case 16:
      return static_cast<StatusCode>(code);
    default:
      return StatusCode::kInternal;
  }
}

}  // namespace

Result<std::shared_ptr<const Plugin>> Plugin::open(const PluginOptions& options) {
  for (const auto& [name, value] : options.environment) {
    constexpr int kKeepWhatIsSet = 0;
    setenv(name.c_str(), value.c_str(), kKeepWhatIsSet);
  }
  ASSIGN_OR_RETURN(const Api* const api, load(options.path));
  RETURN_IF_ERROR(check_version(*api, options.path));
  const int version = std::min({api->minor_version, options.minor_version_max, kMinorVersionMax});
  std::shared_ptr<const Plugin> plugin(new Plugin(api, options.path, version));
  PluginInitializeArgs initialize;
  RETURN_IF_ERROR(plugin->call(initialize).with_context(options.path.string()));
  return plugin;
}

ExecuteOptions Plugin::execute_options() const {
  ExecuteOptions options;
  options.head.struct_size = execute_options_size(minor_version_);
  return options;
}

std::string Plugin::api_version() const {
  return fmt::format("{}.{}", api_->major_version, api_->minor_version);
}

std::string Plugin::describe() const {
  return fmt::format("{}, PJRT C API {}", path_.string(), api_version());
}

EntryFunction Plugin::find(Entry entry) const {
  const auto index = static_cast<size_t>(entry);
  const size_t end = offsetof(Api, entries) + (index + 1) * sizeof(EntryFunction);
  return api_->head.struct_size < end ? nullptr : api_->entries[index];
}

Status Plugin::call(Entry entry, void* arguments) const {
  const EntryFunction function = find(entry);
  if (function == nullptr) {
    return error(StatusCode::kUnimplemented, "{} has no function {} of the PJRT C API",
                 path_.string(), static_cast<size_t>(entry));
  }
  if (entry == Entry::kErrorDestroy || entry == Entry::kErrorMessage) {
    // These give nothing back.
    std::bit_cast<void (*)(void*)>(function)(arguments);
    return {};
  }
  return take(function(arguments));
}

Status Plugin::take(Error* error_handle) const {
  if (error_handle == nullptr) return {};
  ErrorMessageArgs message;
  message.error = error_handle;
  ErrorGetCodeArgs code;
  code.error = error_handle;
  code.head.struct_size = arguments_size(Entry::kErrorGetCode, minor_version_);
  RETURN_IF_ERROR(call(message));
  // An error about an error is only destroyed.
  const EntryFunction get_code = find(Entry::kErrorGetCode);
  Error* const second = get_code == nullptr ? nullptr : get_code(&code);
  const bool has_code = get_code != nullptr && second == nullptr;
  Status status(has_code ? code_of(code.code) : StatusCode::kInternal,
                std::string(message.message == nullptr ? "" : message.message,
                            message.message == nullptr ? 0 : message.message_size));
  if (second != nullptr) RETURN_IF_ERROR(destroy(second));
  RETURN_IF_ERROR(destroy(error_handle));
  return status;
}

Status Plugin::destroy(Error* error_handle) const {
  ErrorDestroyArgs arguments;
  arguments.handle = error_handle;
  return call(arguments);
}

}  // namespace puna::pjrt
