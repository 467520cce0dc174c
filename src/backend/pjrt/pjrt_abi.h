// The part of the PJRT C API that Puna calls: layouts of arguments and places of functions, as
// every plugin since API 0.57 has them.
//
// Facts of https://github.com/openxla/xla/blob/main/xla/pjrt/c/pjrt_c_api.h (Apache-2.0) under our
// own names, so that building needs no header from elsewhere. Fields that Puna never sets are
// `unused`. Sizes that changed with the API's minor version: pjrt_sizes.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace puna::pjrt {

// Index of a function among those of the API's table.
enum class Entry : size_t {
  kErrorDestroy = 0,
  kErrorMessage = 1,
  kErrorGetCode = 2,
  kPluginInitialize = 3,
  kEventDestroy = 5,
  kEventAwait = 8,
  kClientCreate = 10,
  kClientDestroy = 11,
  kClientPlatformName = 12,
  kClientPlatformVersion = 14,
  kClientAddressableDevices = 16,
  kClientCompile = 20,
  kBufferFromHostBuffer = 22,
  kDeviceDescriptionKind = 26,
  kDeviceGetDescription = 29,
  kDeviceMemoryStats = 34,
  kExecutableDestroy = 40,
  kExecutableNumOutputs = 44,
  kExecutableSerialize = 49,
  kLoadedExecutableDestroy = 50,
  kLoadedExecutableGetExecutable = 51,
  kLoadedExecutableExecute = 55,
  kExecutableDeserializeAndLoad = 56,
  kBufferDestroy = 58,
  kBufferElementType = 59,
  kBufferDimensions = 60,
  kBufferIsDeleted = 68,
  kBufferToHostBuffer = 70,
};
inline constexpr size_t kEntryCount = 71;  // of those up to the last that Puna calls

// Handles; only the plugin knows what is in them.
struct Error;
struct Event;
struct Client;
struct Device;
struct DeviceDescription;
struct Executable;
struct LoadedExecutable;
struct Buffer;

// What every struct begins with.
struct Head {
  size_t struct_size = 0;
  void* extensions = nullptr;
};

using EntryFunction = Error* (*)(void* arguments);

struct Api {
  Head head;
  Head version_head;
  int major_version = 0;
  int minor_version = 0;
  EntryFunction entries[kEntryCount] = {};  // more follow in newer plugins, fewer in older ones
};

enum class ElementCode : int { kPred = 1, kS8 = 2, kS32 = 4, kF16 = 10, kF32 = 11, kBf16 = 13 };
enum class HostBuffer : int { kUnchangedDuringCall = 0, kUnchangedUntilDone = 1 };
enum class OptionType : int { kString = 0, kInt64 = 1, kInt64List = 2, kFloat = 3, kBool = 4 };

struct NamedOption {
  Head head;
  const char* name = nullptr;
  size_t name_size = 0;
  OptionType type = OptionType::kString;
  union {
    const char* text;
    int64_t integer;
    const int64_t* integers;
    float real;
    bool flag;
  } value = {nullptr};
  size_t value_size = 0;
};

template <Entry entry, class Handle>
struct DestroyArgs {
  static constexpr Entry kEntry = entry;
  Head head;
  Handle* handle = nullptr;
};
using ErrorDestroyArgs = DestroyArgs<Entry::kErrorDestroy, Error>;
using EventDestroyArgs = DestroyArgs<Entry::kEventDestroy, Event>;
using ClientDestroyArgs = DestroyArgs<Entry::kClientDestroy, Client>;
using ExecutableDestroyArgs = DestroyArgs<Entry::kExecutableDestroy, Executable>;
using LoadedExecutableDestroyArgs = DestroyArgs<Entry::kLoadedExecutableDestroy, LoadedExecutable>;
using BufferDestroyArgs = DestroyArgs<Entry::kBufferDestroy, Buffer>;

struct ErrorMessageArgs {
  static constexpr Entry kEntry = Entry::kErrorMessage;
  Head head;
  const Error* error = nullptr;
  const char* message = nullptr;  // out
  size_t message_size = 0;        // out
};

struct ErrorGetCodeArgs {
  static constexpr Entry kEntry = Entry::kErrorGetCode;
  Head head;
  const Error* error = nullptr;
  int code = 0;  // out: StatusCode has the same numbers
};

struct PluginInitializeArgs {
  static constexpr Entry kEntry = Entry::kPluginInitialize;
  Head head;
};

struct EventAwaitArgs {
  static constexpr Entry kEntry = Entry::kEventAwait;
  Head head;
  Event* event = nullptr;
};

struct ClientCreateArgs {
  static constexpr Entry kEntry = Entry::kClientCreate;
  Head head;
  const NamedOption* options = nullptr;
  size_t option_count = 0;
  void* unused[4] = {};      // a key-value store of several hosts
  Client* client = nullptr;  // out
  void* unused_try_get[2] = {};
};

struct ClientPlatformNameArgs {
  static constexpr Entry kEntry = Entry::kClientPlatformName;
  Head head;
  Client* client = nullptr;
  const char* name = nullptr;  // out
  size_t name_size = 0;        // out
};

struct ClientPlatformVersionArgs {
  static constexpr Entry kEntry = Entry::kClientPlatformVersion;
  Head head;
  Client* client = nullptr;
  const char* version = nullptr;  // out
  size_t version_size = 0;        // out
};

struct ClientAddressableDevicesArgs {
  static constexpr Entry kEntry = Entry::kClientAddressableDevices;
  Head head;
  Client* client = nullptr;
  Device* const* devices = nullptr;  // out
  size_t device_count = 0;           // out
};

struct Program {
  Head head;
  const char* code = nullptr;
  size_t code_size = 0;
  const char* format = nullptr;  // "mlir": text or bytecode
  size_t format_size = 0;
};

struct ClientCompileArgs {
  static constexpr Entry kEntry = Entry::kClientCompile;
  Head head;
  Client* client = nullptr;
  const Program* program = nullptr;
  const char* options = nullptr;  // compile_options.h
  size_t options_size = 0;
  LoadedExecutable* executable = nullptr;  // out
};

struct BufferFromHostBufferArgs {
  static constexpr Entry kEntry = Entry::kBufferFromHostBuffer;
  Head head;
  Client* client = nullptr;
  const void* data = nullptr;
  ElementCode type = ElementCode::kF32;
  const int64_t* dimensions = nullptr;
  size_t dimension_count = 0;
  const int64_t* byte_strides = nullptr;  // null: row-major
  size_t byte_stride_count = 0;
  HostBuffer semantics = HostBuffer::kUnchangedDuringCall;
  Device* device = nullptr;
  void* unused_memory = nullptr;
  void* unused_layout = nullptr;
  Event* done_with_host_buffer = nullptr;  // out
  Buffer* buffer = nullptr;                // out
};

struct DeviceGetDescriptionArgs {
  static constexpr Entry kEntry = Entry::kDeviceGetDescription;
  Head head;
  Device* device = nullptr;
  DeviceDescription* description = nullptr;  // out
};

struct DeviceDescriptionKindArgs {
  static constexpr Entry kEntry = Entry::kDeviceDescriptionKind;
  Head head;
  DeviceDescription* description = nullptr;
  const char* kind = nullptr;  // out
  size_t kind_size = 0;        // out
};

struct DeviceMemoryStatsArgs {
  static constexpr Entry kEntry = Entry::kDeviceMemoryStats;
  // A number that the plugin may not know.
  struct Number {
    int64_t value = 0;
    bool is_set = false;
  };
  Head head;
  Device* device = nullptr;
  int64_t used_bytes = 0;  // out, as all that follow
  Number peak_bytes;
  Number allocation_count;
  Number largest_bytes;
  Number limit_bytes;
  Number unused[7];  // reserved memory, free blocks, pools
};

struct ExecutableNumOutputsArgs {
  static constexpr Entry kEntry = Entry::kExecutableNumOutputs;
  Head head;
  Executable* executable = nullptr;
  size_t output_count = 0;  // out
};

struct LoadedExecutableGetExecutableArgs {
  static constexpr Entry kEntry = Entry::kLoadedExecutableGetExecutable;
  Head head;
  LoadedExecutable* loaded = nullptr;
  Executable* executable = nullptr;  // out
};

struct SerializedExecutable;  // a handle, too

struct ExecutableSerializeArgs {
  static constexpr Entry kEntry = Entry::kExecutableSerialize;
  Head head;
  const Executable* executable = nullptr;
  const char* bytes = nullptr;  // out, as all that follow
  size_t bytes_size = 0;
  SerializedExecutable* serialized = nullptr;  // owns the bytes
  void (*destroy)(SerializedExecutable*) = nullptr;
};

struct ExecutableDeserializeAndLoadArgs {
  static constexpr Entry kEntry = Entry::kExecutableDeserializeAndLoad;
  Head head;
  Client* client = nullptr;
  const char* bytes = nullptr;
  size_t bytes_size = 0;
  LoadedExecutable* executable = nullptr;  // out
  const char* options = nullptr;           // others than it was compiled with
  size_t options_size = 0;
  const void* unused = nullptr;
};

struct ExecuteOptions {
  Head head;
  void* unused_callbacks[2] = {};
  size_t unused_callback_counts[2] = {};
  int launch_id = 0;
  const int64_t* kept_inputs = nullptr;  // not to be donated
  size_t kept_input_count = 0;
  void* unused[9] = {};  // context, call location, tasks, slices, callbacks
};

struct LoadedExecutableExecuteArgs {
  static constexpr Entry kEntry = Entry::kLoadedExecutableExecute;
  Head head;
  LoadedExecutable* executable = nullptr;
  ExecuteOptions* options = nullptr;
  Buffer* const* const* inputs = nullptr;  // [device][input]
  size_t device_count = 0;
  size_t input_count = 0;
  Buffer** const* outputs = nullptr;  // [device][output], lists of the caller, filled
  Event** complete_events = nullptr;  // [device], a list of the caller, filled
  Device* unused_device = nullptr;
};

struct BufferElementTypeArgs {
  static constexpr Entry kEntry = Entry::kBufferElementType;
  Head head;
  Buffer* buffer = nullptr;
  ElementCode type = ElementCode::kF32;  // out
};

struct BufferDimensionsArgs {
  static constexpr Entry kEntry = Entry::kBufferDimensions;
  Head head;
  Buffer* buffer = nullptr;
  const int64_t* dimensions = nullptr;  // out
  size_t dimension_count = 0;           // out
};

struct BufferIsDeletedArgs {
  static constexpr Entry kEntry = Entry::kBufferIsDeleted;
  Head head;
  Buffer* buffer = nullptr;
  bool is_deleted = false;  // out
};

struct BufferToHostBufferArgs {
  static constexpr Entry kEntry = Entry::kBufferToHostBuffer;
  Head head;
  Buffer* buffer = nullptr;
  const void* layout = nullptr;  // HostLayout; null: as on the device
  void* data = nullptr;
  size_t data_size = 0;
  Event* event = nullptr;  // out
};

// Dimensions from the fastest to the slowest.
struct HostLayout {
  Head head;
  Head tiled_head;
  const int64_t* minor_to_major = nullptr;
  size_t minor_to_major_size = 0;
  const void* unused_tiles[2] = {};
  size_t tile_count = 0;
  int type = 0;  // tiled
};

}  // namespace puna::pjrt
