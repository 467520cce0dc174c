// The order of calls that all plugins take: nothing optional, nothing that Neuron has not.

#include "backend/pjrt/client.h"

#include <fmt/format.h>

#include <numeric>
#include <utility>

namespace puna::pjrt {
namespace {

constexpr std::string_view kFormat = "mlir";

NamedOption named_option(const ClientOption& option) {
  NamedOption named;
  named.head.struct_size = kNamedOptionSize;
  named.name = option.name.data();
  named.name_size = option.name.size();
  named.value_size = 1;
  if (const auto* text = std::get_if<std::string>(&option.value)) {
    named.type = OptionType::kString;
    named.value.text = text->data();
    named.value_size = text->size();
  } else if (const auto* integer = std::get_if<int64_t>(&option.value)) {
    named.type = OptionType::kInt64;
    named.value.integer = *integer;
  } else if (const auto* flag = std::get_if<bool>(&option.value)) {
    named.type = OptionType::kBool;
    named.value.flag = *flag;
  } else {
    named.type = OptionType::kFloat;
    named.value.real = std::get<float>(option.value);
  }
  return named;
}

int64_t element_bytes(ElementCode element) {
  switch (element) {
    case ElementCode::kPred:
    case ElementCode::kS8:
      return 1;
    case ElementCode::kF16:
    case ElementCode::kBf16:
      return 2;
    case ElementCode::kS32:
    case ElementCode::kF32:
      break;
  }
  return 4;
}

Result<OwnedExecutable> executable_of(const ClientState& client, LoadedExecutable* loaded) {
  LoadedExecutableGetExecutableArgs get;
  get.loaded = loaded;
  RETURN_IF_ERROR(client.plugin->call(get));
  return OwnedExecutable(client.plugin, get.executable);
}

bool is_known(ElementCode element) {
  switch (element) {
    case ElementCode::kPred:
    case ElementCode::kS8:
    case ElementCode::kS32:
    case ElementCode::kF16:
    case ElementCode::kF32:
    case ElementCode::kBf16:
      return true;
  }
  return false;
}

}  // namespace

int64_t byte_count(const ArrayType& type) {
  int64_t count = element_bytes(type.element);
  for (const int64_t size : type.shape) count *= size;
  return count;
}

Status ClientState::wait(Event* event) const {
  if (event == nullptr) return {};
  const OwnedEvent owned(plugin, event);
  EventAwaitArgs await;
  await.event = event;
  return plugin->call(await);
}

DeviceBuffer::DeviceBuffer(std::shared_ptr<const ClientState> client, Buffer* buffer)
    : client_(std::move(client)), buffer_(client_->plugin, buffer) {}

Result<ArrayType> DeviceBuffer::type() const {
  BufferElementTypeArgs element;
  element.buffer = buffer_.get();
  RETURN_IF_ERROR(client_->plugin->call(element));
  BufferDimensionsArgs dimensions;
  dimensions.buffer = buffer_.get();
  RETURN_IF_ERROR(client_->plugin->call(dimensions));
  if (!is_known(element.type)) {
    return error(StatusCode::kUnimplemented, "the plugin gave a buffer of element type {}",
                 static_cast<int>(element.type));
  }
  ArrayType type = {element.type, {}};
  if (dimensions.dimension_count > 0) {
    type.shape.assign(dimensions.dimensions, dimensions.dimensions + dimensions.dimension_count);
  }
  return type;
}

Status DeviceBuffer::download(std::span<std::byte> out) const {
  ASSIGN_OR_RETURN(const ArrayType array, type());
  if (static_cast<int64_t>(out.size()) != byte_count(array)) {
    return invalid_argument("a buffer of {} bytes is read into {}", byte_count(array), out.size());
  }
  // Without a layout the values come in the device's own order.
  std::vector<int64_t> minor_to_major(array.shape.size());
  std::iota(minor_to_major.rbegin(), minor_to_major.rend(), 0);
  HostLayout layout;
  layout.head.struct_size = kHostLayoutSize;
  layout.tiled_head.struct_size = kTiledLayoutSize;
  layout.minor_to_major = minor_to_major.data();
  layout.minor_to_major_size = minor_to_major.size();
  BufferToHostBufferArgs read;
  read.buffer = buffer_.get();
  read.layout = &layout;
  read.data = out.data();
  read.data_size = out.size();
  RETURN_IF_ERROR(client_->plugin->call(read));
  return client_->wait(read.event);
}

Result<bool> DeviceBuffer::is_donated() const {
  BufferIsDeletedArgs deleted;
  deleted.buffer = buffer_.get();
  RETURN_IF_ERROR(client_->plugin->call(deleted));
  return deleted.is_deleted;
}

LoadedProgram::LoadedProgram(std::shared_ptr<const ClientState> client,
                             OwnedLoadedExecutable executable, size_t output_count)
    : client_(std::move(client)), executable_(std::move(executable)), output_count_(output_count) {}

Result<std::string> LoadedProgram::serialize() const {
  ASSIGN_OR_RETURN(const OwnedExecutable executable, executable_of(*client_, executable_.get()));
  ExecutableSerializeArgs serialize;
  serialize.executable = executable.get();
  RETURN_IF_ERROR(client_->plugin->call(serialize));
  std::string bytes(serialize.bytes == nullptr ? "" : serialize.bytes,
                    serialize.bytes == nullptr ? 0 : serialize.bytes_size);
  if (serialize.destroy != nullptr) serialize.destroy(serialize.serialized);
  return bytes;
}

Result<LoadedProgram::Outputs> LoadedProgram::run(const Inputs& inputs) const {
  if (inputs.empty()) return invalid_argument("a program runs on one device at least");
  const size_t device_count = inputs.size();
  std::vector<std::vector<Buffer*>> arguments(device_count);
  std::vector<std::vector<Buffer*>> results(device_count, std::vector<Buffer*>(output_count_));
  std::vector<Buffer* const*> argument_lists;
  std::vector<Buffer**> result_lists;
  for (size_t device = 0; device < device_count; ++device) {
    if (inputs[device].size() != inputs[0].size()) {
      return invalid_argument("devices have {} and {} inputs", inputs[0].size(),
                              inputs[device].size());
    }
    for (const DeviceBuffer* input : inputs[device]) arguments[device].push_back(input->get());
    argument_lists.push_back(arguments[device].data());
    result_lists.push_back(results[device].data());
  }
  std::vector<Event*> events(device_count);
  ExecuteOptions options = client_->plugin->execute_options();
  LoadedExecutableExecuteArgs execute;
  execute.executable = executable_.get();
  execute.options = &options;
  execute.inputs = argument_lists.data();
  execute.device_count = device_count;
  execute.input_count = inputs[0].size();
  execute.outputs = result_lists.data();
  execute.complete_events = events.data();
  RETURN_IF_ERROR(client_->plugin->call(execute));
  Outputs outputs(device_count);
  for (size_t device = 0; device < device_count; ++device) {
    for (Buffer* result : results[device]) outputs[device].emplace_back(client_, result);
  }
  RETURN_IF_ERROR(wait_all(events));
  return outputs;
}

// The first error, after all devices are done.
Status LoadedProgram::wait_all(std::span<Event* const> events) const {
  Status first;
  for (Event* event : events) {
    Status status = client_->wait(event);
    if (first.ok()) first = std::move(status);
  }
  return first;
}

Result<DeviceClient> DeviceClient::create(const std::shared_ptr<const Plugin>& plugin,
                                          const std::vector<ClientOption>& options) {
  std::vector<NamedOption> named;
  named.reserve(options.size());
  for (const ClientOption& option : options) named.push_back(named_option(option));
  ClientCreateArgs create;
  create.options = named.data();
  create.option_count = named.size();
  RETURN_IF_ERROR(plugin->call(create));
  auto state = std::make_shared<ClientState>();
  state->plugin = plugin;
  state->client = OwnedClient(plugin, create.client);
  ClientAddressableDevicesArgs devices;
  devices.client = create.client;
  RETURN_IF_ERROR(plugin->call(devices));
  if (devices.device_count == 0) {
    return error(StatusCode::kUnavailable, "{} has found no device", plugin->describe());
  }
  state->devices.assign(devices.devices, devices.devices + devices.device_count);
  return DeviceClient(std::move(state));
}

Result<std::string> DeviceClient::platform_name() const {
  ClientPlatformNameArgs name;
  name.client = state_->client.get();
  RETURN_IF_ERROR(state_->plugin->call(name));
  return std::string(name.name, name.name_size);
}

Result<std::string> DeviceClient::platform_version() const {
  ClientPlatformVersionArgs version;
  version.client = state_->client.get();
  RETURN_IF_ERROR(state_->plugin->call(version));
  return std::string(version.version, version.version_size);
}

Result<std::string> DeviceClient::device_kind(size_t device) const {
  DeviceGetDescriptionArgs description;
  description.device = state_->devices[device];
  RETURN_IF_ERROR(state_->plugin->call(description));
  DeviceDescriptionKindArgs kind;
  kind.description = description.description;
  RETURN_IF_ERROR(state_->plugin->call(kind));
  return std::string(kind.kind, kind.kind_size);
}

Result<DeviceMemoryStats> DeviceClient::memory(size_t device) const {
  DeviceMemoryStatsArgs stats;
  stats.device = state_->devices[device];
  RETURN_IF_ERROR(state_->plugin->call(stats));
  return DeviceMemoryStats{stats.used_bytes,
                           stats.limit_bytes.is_set ? stats.limit_bytes.value : 0};
}

Result<LoadedProgram> DeviceClient::compile(std::string_view program,
                                            const CompileOptions& options) const {
  const auto wanted =
      static_cast<size_t>(options.replicas) * static_cast<size_t>(options.partitions);
  if (wanted > device_count()) {
    return error(StatusCode::kFailedPrecondition, "a program for {} devices, and there are {}",
                 wanted, device_count());
  }
  Program source;
  source.head.struct_size = kProgramSize;
  source.code = program.data();
  source.code_size = program.size();
  source.format = kFormat.data();
  source.format_size = kFormat.size();
  const std::string encoded = encode(options);
  ClientCompileArgs compile;
  compile.client = state_->client.get();
  compile.program = &source;
  compile.options = encoded.data();
  compile.options_size = encoded.size();
  RETURN_IF_ERROR(state_->plugin->call(compile));
  return take(compile.executable);
}

Result<LoadedProgram> DeviceClient::load(std::string_view serialized) const {
  ExecutableDeserializeAndLoadArgs load;
  load.client = state_->client.get();
  load.bytes = serialized.data();
  load.bytes_size = serialized.size();
  RETURN_IF_ERROR(state_->plugin->call(load));
  return take(load.executable);
}

Result<LoadedProgram> DeviceClient::take(LoadedExecutable* made) const {
  OwnedLoadedExecutable loaded(state_->plugin, made);
  ASSIGN_OR_RETURN(const OwnedExecutable executable, executable_of(*state_, made));
  ExecutableNumOutputsArgs outputs;
  outputs.executable = executable.get();
  RETURN_IF_ERROR(state_->plugin->call(outputs));
  return LoadedProgram(state_, std::move(loaded), outputs.output_count);
}

Result<DeviceBuffer> DeviceClient::upload(size_t device, const ArrayType& type,
                                          std::span<const std::byte> values) const {
  if (device >= device_count() || static_cast<int64_t>(values.size()) != byte_count(type)) {
    return invalid_argument("{} bytes for a buffer of {} on device {} of {}", values.size(),
                            byte_count(type), device, device_count());
  }
  BufferFromHostBufferArgs upload;
  upload.client = state_->client.get();
  upload.data = values.data();
  upload.type = type.element;
  upload.dimensions = type.shape.data();
  upload.dimension_count = type.shape.size();
  upload.semantics = HostBuffer::kUnchangedUntilDone;
  upload.device = state_->devices[device];
  RETURN_IF_ERROR(state_->plugin->call(upload));
  DeviceBuffer buffer(state_, upload.buffer);
  RETURN_IF_ERROR(state_->wait(upload.done_with_host_buffer));
  return buffer;
}

}  // namespace puna::pjrt
