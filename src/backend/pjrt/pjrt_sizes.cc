// From xla/pjrt/c/CHANGELOG.md up to 0.105, and the header of 0.114.

#include "backend/pjrt/pjrt_sizes.h"

namespace puna::pjrt {
namespace {

struct Growth {
  int minor_version;  // since which
  size_t size;
};

constexpr Growth kExecuteOptions[] = {{57, 72},  {64, 80},  {76, 88},
                                      {78, 112}, {97, 120}, {106, 144}};
constexpr Growth kDeviceMemoryStats[] = {{57, 185}, {113, 201}};
// The third size came in one of the versions after 0.71; no plugin here tells which.
constexpr Growth kDeserialize[] = {{57, 48}, {71, 64}, {97, 72}};
constexpr Growth kClientCreate[] = {{57, 72}, {61, 88}};

template <size_t count>
constexpr size_t size_at(const Growth (&growth)[count], int minor_version) {
  size_t size = growth[0].size;
  for (const Growth& step : growth) {
    if (minor_version >= step.minor_version) size = step.size;
  }
  return size;
}

// The offset of what follows a struct's last field.
template <class Struct, class Field>
constexpr size_t end_of(Field Struct::* /*last*/, size_t offset) {
  return offset + sizeof(Field);
}
#define PUNA_END_OF(Struct, field) end_of(&Struct::field, offsetof(Struct, field))

static_assert(offsetof(Api, entries) == 40);
static_assert(sizeof(NamedOption) == kNamedOptionSize);
static_assert(sizeof(Program) == kProgramSize);
static_assert(sizeof(ClientCreateArgs) == 88);
static_assert(offsetof(ClientCreateArgs, client) == 64);
static_assert(sizeof(ClientCompileArgs) == 56);
static_assert(sizeof(BufferFromHostBufferArgs) == 120);
static_assert(offsetof(DeviceMemoryStatsArgs, limit_bytes) == 80);
static_assert(sizeof(DeviceMemoryStatsArgs) >= 201);
static_assert(sizeof(ExecuteOptions) == 144);
static_assert(sizeof(ExecutableSerializeArgs) == 56);
static_assert(sizeof(ExecutableDeserializeAndLoadArgs) == 72);
static_assert(sizeof(LoadedExecutableExecuteArgs) == 80);
static_assert(sizeof(BufferToHostBufferArgs) == 56);
static_assert(PUNA_END_OF(HostLayout, type) == kHostLayoutSize);

}  // namespace

size_t arguments_size(Entry entry, int minor_version) {
  switch (entry) {
    case Entry::kErrorDestroy:
    case Entry::kEventDestroy:
    case Entry::kEventAwait:
    case Entry::kClientDestroy:
    case Entry::kExecutableDestroy:
    case Entry::kLoadedExecutableDestroy:
    case Entry::kBufferDestroy:
      return sizeof(ErrorDestroyArgs);
    case Entry::kErrorMessage:
      return sizeof(ErrorMessageArgs);
    case Entry::kErrorGetCode:
      return PUNA_END_OF(ErrorGetCodeArgs, code);
    case Entry::kPluginInitialize:
      return sizeof(PluginInitializeArgs);
    case Entry::kClientCreate:
      return size_at(kClientCreate, minor_version);
    case Entry::kClientPlatformName:
    case Entry::kClientPlatformVersion:
    case Entry::kDeviceDescriptionKind:
      return sizeof(ClientPlatformNameArgs);
    case Entry::kClientAddressableDevices:
      return sizeof(ClientAddressableDevicesArgs);
    case Entry::kClientCompile:
      return sizeof(ClientCompileArgs);
    case Entry::kBufferFromHostBuffer:
      return sizeof(BufferFromHostBufferArgs);
    case Entry::kDeviceGetDescription:
      return sizeof(DeviceGetDescriptionArgs);
    case Entry::kDeviceMemoryStats:
      return size_at(kDeviceMemoryStats, minor_version);
    case Entry::kExecutableNumOutputs:
      return sizeof(ExecutableNumOutputsArgs);
    case Entry::kLoadedExecutableGetExecutable:
      return sizeof(LoadedExecutableGetExecutableArgs);
    case Entry::kLoadedExecutableExecute:
      return sizeof(LoadedExecutableExecuteArgs);
    case Entry::kExecutableSerialize:
      return sizeof(ExecutableSerializeArgs);
    case Entry::kExecutableDeserializeAndLoad:
      return size_at(kDeserialize, minor_version);
    case Entry::kBufferElementType:
      return PUNA_END_OF(BufferElementTypeArgs, type);
    case Entry::kBufferDimensions:
      return sizeof(BufferDimensionsArgs);
    case Entry::kBufferIsDeleted:
      return PUNA_END_OF(BufferIsDeletedArgs, is_deleted);
    case Entry::kBufferToHostBuffer:
      break;
  }
  return sizeof(BufferToHostBufferArgs);
}

size_t execute_options_size(int minor_version) { return size_at(kExecuteOptions, minor_version); }

}  // namespace puna::pjrt
