// libpjrt_ref.so: the interpreter behind the PJRT C API, on virtual devices, for tests.
//
// It refuses what the plugin whose rules it follows refuses (rules.h). Nothing is asynchronous.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <iterator>
#include <string_view>
#include <thread>
#include <utility>

#include "backend/pjrt/pjrt_abi.h"
#include "backend/pjrt/reference/execute.h"
#include "backend/pjrt/reference/handles.h"
#include "backend/pjrt/reference/options_reader.h"
#include "backend/pjrt/reference/rules.h"
#include "backend/pjrt/reference/values.h"
#include "backend/pjrt/reference/visible_cores.h"

namespace puna::pjrt {
namespace {

constexpr int64_t kDevicesDefault = 4;
constexpr std::string_view kVersion = "reference 1";

Error* to_error(Status status) { return status.ok() ? nullptr : new Error{std::move(status)}; }

// Of the calls after this many one fails, if it is above 0: the client option fail_at_call.
std::atomic<int64_t> calls_until_failure{0};
// As a compiler that never ends: the client option hang_in_compile.
std::atomic<bool> hangs_in_compile{false};

Status fail_on_purpose() {
  if (calls_until_failure.load() == 0 || calls_until_failure.fetch_sub(1) != 1) return {};
  return error(StatusCode::kInternal, "this call fails on purpose");
}

// A function of the API from one that gives a Status: the size is checked first, or by itself if 0.
template <class Arguments, size_t size, Status (*function)(Arguments&)>
Error* entry(void* raw) {
  auto* const arguments = static_cast<Arguments*>(raw);
  Status status = size == 0 ? Status() : check_size(arguments->head.struct_size, size);
  if (status.ok()) status = fail_on_purpose();
  if (status.ok()) status = function(*arguments);
  return to_error(std::move(status));
}

// Destroying never fails on purpose: nobody could do anything about it.
template <class Arguments>
Error* destroy(void* raw) {
  auto* const arguments = static_cast<Arguments*>(raw);
  Status status = check_size(arguments->head.struct_size, sizeof(Arguments));
  if constexpr (Arguments::kEntry == Entry::kClientDestroy) calls_until_failure = 0;
  if (status.ok()) delete arguments->handle;
  return to_error(std::move(status));
}

Status do_nothing(PluginInitializeArgs& /*arguments*/) { return {}; }

// Options of a client, all integers. All but the first are for tests of what may go wrong.
struct ClientOptions {
  int64_t cpu_device_count = kDevicesDefault;
  int64_t fail_at_call = 0;
  int64_t lose_at_run = 0;
  int64_t hang_in_compile = 0;
  int64_t memory_bytes = 0;
  int64_t other_bits_at = 0;
};

Result<ClientOptions> read_options(const ClientCreateArgs& arguments) {
  ClientOptions options;
  if (rules().platform == "neuron") {
    ASSIGN_OR_RETURN(const auto cores, visible_cores());
    if (cores) options.cpu_device_count = *cores;
  }
  const std::pair<std::string_view, int64_t*> known[] = {
      {"cpu_device_count", &options.cpu_device_count},
      {"fail_at_call", &options.fail_at_call},
      {"lose_at_run", &options.lose_at_run},
      {"hang_in_compile", &options.hang_in_compile},
      {"memory_bytes", &options.memory_bytes},
      {"other_bits_at", &options.other_bits_at}};
  for (size_t i = 0; i < arguments.option_count; ++i) {
    const NamedOption& option = arguments.options[i];
    const std::string_view name(option.name, option.name_size);
    if (name == "memory_fraction" || name == "preallocate") continue;  // of XLA's for GPUs
    const auto* const found = std::find_if(std::begin(known), std::end(known),
                                           [&](const auto& one) { return one.first == name; });
    if (found == std::end(known) || option.type != OptionType::kInt64) {
      return invalid_argument("unknown option {}", name);
    }
    *found->second = option.value.integer;
  }
  if (options.cpu_device_count < 1 || options.cpu_device_count > interpreter::kDevicesMax) {
    return invalid_argument("cpu_device_count is 1 to {}", interpreter::kDevicesMax);
  }
  return options;
}

Status create_client(ClientCreateArgs& arguments) {
  RETURN_IF_ERROR(check_size(arguments.head.struct_size, rules().client_create_size));
  ASSIGN_OR_RETURN(const ClientOptions options, read_options(arguments));
  auto client = std::make_unique<Client>();
  for (int64_t i = 0; i < options.cpu_device_count; ++i) {
    client->devices.push_back(std::make_unique<Device>(
        Device{static_cast<size_t>(i), {std::string(rules().platform)}, options.memory_bytes}));
    client->device_list.push_back(client->devices.back().get());
  }
  arguments.client = client.release();
  calls_until_failure = options.fail_at_call;
  runs_until_loss = options.lose_at_run;
  other_bits_at = options.other_bits_at;
  hangs_in_compile = options.hang_in_compile != 0;
  return {};
}

Status platform_name(ClientPlatformNameArgs& arguments) {
  arguments.name = rules().platform.data();
  arguments.name_size = rules().platform.size();
  return {};
}

Status platform_version(ClientPlatformVersionArgs& arguments) {
  arguments.version = kVersion.data();
  arguments.version_size = kVersion.size();
  return {};
}

Status addressable_devices(ClientAddressableDevicesArgs& arguments) {
  arguments.devices = arguments.client->device_list.data();
  arguments.device_count = arguments.client->device_list.size();
  return {};
}

Status describe_device(DeviceGetDescriptionArgs& arguments) {
  arguments.description = &arguments.device->description;
  return {};
}

Status device_kind(DeviceDescriptionKindArgs& arguments) {
  arguments.kind = arguments.description->kind.data();
  arguments.kind_size = arguments.description->kind.size();
  return {};
}

Status memory_stats(DeviceMemoryStatsArgs& arguments) {
  RETURN_IF_ERROR(check_size(arguments.head.struct_size, rules().memory_stats_size));
  arguments.used_bytes = 0;
  arguments.limit_bytes = {arguments.device->memory_bytes, arguments.device->memory_bytes > 0};
  return {};
}

Status compile(ClientCompileArgs& arguments) {
  while (hangs_in_compile.load()) std::this_thread::sleep_for(std::chrono::seconds(1));
  RETURN_IF_ERROR(check_size(arguments.program->head.struct_size, sizeof(Program)));
  const std::string_view format(arguments.program->format, arguments.program->format_size);
  if (format != "mlir") return invalid_argument("format '{}' is not known", format);
  ASSIGN_OR_RETURN(const DecodedOptions options,
                   decode_options({arguments.options, arguments.options_size}));
  ASSIGN_OR_RETURN(
      interpreter::Program program,
      interpreter::parse_program({arguments.program->code, arguments.program->code_size}));
  const interpreter::DeviceLayout& devices = program.devices();
  if (options.replicas != devices.replicas || options.partitions != devices.partitions ||
      options.assigned_devices != devices.count()) {
    return invalid_argument("options for {} replicas, {} partitions; the program has {} and {}",
                            options.replicas, options.partitions, devices.replicas,
                            devices.partitions);
  }
  if ((devices.partitions > 1) != (options.uses_spmd && options.uses_shardy)) {
    return invalid_argument("partitions are for Shardy, and nothing else is");
  }
  if (devices.count() > static_cast<int64_t>(arguments.client->devices.size())) {
    return invalid_argument("the program is for {} devices", devices.count());
  }
  arguments.executable =
      new LoadedExecutable{std::make_shared<const interpreter::Program>(std::move(program)),
                           std::string(arguments.program->code, arguments.program->code_size)};
  return {};
}

// Its text, after a word that no text begins with.
constexpr std::string_view kSerialized = "reference executable\n";

Status serialize(ExecutableSerializeArgs& arguments) {
  auto* const serialized =
      new SerializedExecutable{std::string(kSerialized) + arguments.executable->text};
  arguments.serialized = serialized;
  arguments.bytes = serialized->bytes.data();
  arguments.bytes_size = serialized->bytes.size();
  arguments.destroy = [](SerializedExecutable* done) { delete done; };
  return {};
}

Status deserialize(ExecutableDeserializeAndLoadArgs& arguments) {
  RETURN_IF_ERROR(check_size(arguments.head.struct_size, rules().deserialize_size));
  std::string_view bytes(arguments.bytes, arguments.bytes_size);
  if (!bytes.starts_with(kSerialized)) return invalid_argument("this is no serialized executable");
  bytes.remove_prefix(kSerialized.size());
  ASSIGN_OR_RETURN(interpreter::Program program, interpreter::parse_program(bytes));
  arguments.executable = new LoadedExecutable{
      std::make_shared<const interpreter::Program>(std::move(program)), std::string(bytes)};
  return {};
}

Status get_executable(LoadedExecutableGetExecutableArgs& arguments) {
  arguments.executable = new Executable{arguments.loaded->program, arguments.loaded->text};
  return {};
}

Status output_count(ExecutableNumOutputsArgs& arguments) {
  arguments.output_count = arguments.executable->program->results().size();
  return {};
}

Status upload(BufferFromHostBufferArgs& arguments) {
  if (arguments.byte_stride_count != 0) {
    return error(StatusCode::kUnimplemented, "values with strides");
  }
  ASSIGN_OR_RETURN(const interpreter::Element element, element_of(arguments.type));
  interpreter::Type type = {element, {}};
  if (arguments.dimension_count > 0) {
    type.shape.assign(arguments.dimensions, arguments.dimensions + arguments.dimension_count);
  }
  if (std::any_of(type.shape.begin(), type.shape.end(), [](int64_t size) { return size < 1; })) {
    return invalid_argument("a dimension is empty");
  }
  auto values = std::make_shared<const interpreter::Tensor>(read_values(type, arguments.data));
  arguments.buffer = new Buffer{arguments.device, std::move(type), std::move(values)};
  arguments.done_with_host_buffer = new Event;
  return {};
}

Status execute_program(LoadedExecutableExecuteArgs& arguments) {
  Status run_status;
  RETURN_IF_ERROR(execute(arguments, &run_status));
  return rules().errors_by_event_only ? Status() : run_status;
}

Status element_type(BufferElementTypeArgs& arguments) {
  arguments.type = code_of(arguments.buffer->type.element);
  return {};
}

Status dimensions(BufferDimensionsArgs& arguments) {
  arguments.dimensions = arguments.buffer->type.shape.data();
  arguments.dimension_count = arguments.buffer->type.shape.size();
  return {};
}

Status is_deleted(BufferIsDeletedArgs& arguments) {
  arguments.is_deleted = arguments.buffer->values == nullptr;
  return {};
}

Status download(BufferToHostBufferArgs& arguments) {
  const Buffer& buffer = *arguments.buffer;
  if (buffer.values == nullptr) {
    return error(StatusCode::kFailedPrecondition, "the buffer was donated");
  }
  if (arguments.data_size < byte_count(buffer.type)) {
    return invalid_argument("{} bytes do not fit into {}", byte_count(buffer.type),
                            arguments.data_size);
  }
  write_values(*buffer.values, arguments.data);
  arguments.event = new Event;
  return {};
}

// These two give nothing back.
void destroy_error(void* raw) { delete static_cast<ErrorDestroyArgs*>(raw)->handle; }

void error_message(void* raw) {
  auto* const arguments = static_cast<ErrorMessageArgs*>(raw);
  arguments->message = arguments->error->status.message().data();
  arguments->message_size = arguments->error->status.message().size();
}

Status error_code(ErrorGetCodeArgs& arguments) {
  arguments.code = static_cast<int>(arguments.error->status.code());
  return {};
}

Status await_event(EventAwaitArgs& arguments) { return arguments.event->status; }

EntryFunction without_result(void (*function)(void*)) {
  return std::bit_cast<EntryFunction>(function);
}

Api make_api() {
  Api api;
  api.head.struct_size = sizeof(Api);
  api.version_head.struct_size = 24;
  api.minor_version = rules().minor_version;
  const auto set = [&](Entry index, EntryFunction function) {
    api.entries[static_cast<size_t>(index)] = function;
  };
  set(Entry::kErrorDestroy, without_result(destroy_error));
  set(Entry::kErrorMessage, without_result(error_message));
  set(Entry::kErrorGetCode, entry<ErrorGetCodeArgs, 28, error_code>);
  set(Entry::kPluginInitialize, entry<PluginInitializeArgs, 16, do_nothing>);
  set(Entry::kEventDestroy, destroy<EventDestroyArgs>);
  set(Entry::kEventAwait, entry<EventAwaitArgs, 24, await_event>);
  set(Entry::kClientCreate, entry<ClientCreateArgs, 0, create_client>);
  set(Entry::kClientDestroy, destroy<ClientDestroyArgs>);
  set(Entry::kClientPlatformName, entry<ClientPlatformNameArgs, 40, platform_name>);
  set(Entry::kClientPlatformVersion, entry<ClientPlatformVersionArgs, 40, platform_version>);
  set(Entry::kClientAddressableDevices,
      entry<ClientAddressableDevicesArgs, 40, addressable_devices>);
  if (rules().compiles) set(Entry::kClientCompile, entry<ClientCompileArgs, 56, compile>);
  set(Entry::kBufferFromHostBuffer, entry<BufferFromHostBufferArgs, 120, upload>);
  set(Entry::kDeviceDescriptionKind, entry<DeviceDescriptionKindArgs, 40, device_kind>);
  set(Entry::kDeviceGetDescription, entry<DeviceGetDescriptionArgs, 32, describe_device>);
  set(Entry::kDeviceMemoryStats, entry<DeviceMemoryStatsArgs, 0, memory_stats>);
  set(Entry::kExecutableDestroy, destroy<ExecutableDestroyArgs>);
  set(Entry::kExecutableNumOutputs, entry<ExecutableNumOutputsArgs, 32, output_count>);
  set(Entry::kExecutableSerialize, entry<ExecutableSerializeArgs, 56, serialize>);
  set(Entry::kExecutableDeserializeAndLoad,
      entry<ExecutableDeserializeAndLoadArgs, 0, deserialize>);
  set(Entry::kLoadedExecutableDestroy, destroy<LoadedExecutableDestroyArgs>);
  set(Entry::kLoadedExecutableGetExecutable,
      entry<LoadedExecutableGetExecutableArgs, 32, get_executable>);
  set(Entry::kLoadedExecutableExecute, entry<LoadedExecutableExecuteArgs, 80, execute_program>);
  set(Entry::kBufferDestroy, destroy<BufferDestroyArgs>);
  set(Entry::kBufferElementType, entry<BufferElementTypeArgs, 28, element_type>);
  set(Entry::kBufferDimensions, entry<BufferDimensionsArgs, 40, dimensions>);
  set(Entry::kBufferIsDeleted, entry<BufferIsDeletedArgs, 25, is_deleted>);
  set(Entry::kBufferToHostBuffer, entry<BufferToHostBufferArgs, 56, download>);
  return api;
}

}  // namespace
}  // namespace puna::pjrt

// The API's own name. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" __attribute__((visibility("default"))) const puna::pjrt::Api* GetPjrtApi() {
  static const puna::pjrt::Api api = puna::pjrt::make_api();
  return &api;
}
