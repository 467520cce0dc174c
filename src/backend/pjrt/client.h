// Client: the devices of one plugin, buffers on them, and programs that run on them.
//
// Everything is owned: buffers and programs keep their client alive and are destroyed before it.
// All of a run's errors come from run(), whether the plugin says them at once or when the devices
// are done (as Neuron does).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "backend/pjrt/compile_options.h"
#include "backend/pjrt/plugin.h"
#include "base/status.h"

namespace puna::pjrt {

struct ClientOption {
  std::string name;
  std::variant<std::string, int64_t, bool, float> value;
};

struct ArrayType {
  ElementCode element = ElementCode::kF32;
  std::vector<int64_t> shape;

  bool operator==(const ArrayType&) const = default;
};

int64_t byte_count(const ArrayType& type);

// What buffers and programs need of their client.
struct ClientState {
  std::shared_ptr<const Plugin> plugin;
  OwnedClient client;
  std::vector<Device*> devices;

  // Waits for what `event` stands for, and destroys it.
  Status wait(Event* event) const;
};

// Values on one device.
class DeviceBuffer {
 public:
  DeviceBuffer(std::shared_ptr<const ClientState> client, Buffer* buffer);

  // Row-major; `out` has exactly the bytes of the type.
  Status download(std::span<std::byte> out) const;
  Result<ArrayType> type() const;
  // A program has taken its memory: the values are gone.
  Result<bool> is_donated() const;
  Buffer* get() const { return buffer_.get(); }

 private:
  std::shared_ptr<const ClientState> client_;  // destroyed after the buffer
  OwnedBuffer buffer_;
};

// A compiled program, loaded on its devices.
class LoadedProgram {
 public:
  // [device][index]
  using Inputs = std::vector<std::vector<const DeviceBuffer*>>;
  using Outputs = std::vector<std::vector<DeviceBuffer>>;

  LoadedProgram(std::shared_ptr<const ClientState> client, OwnedLoadedExecutable executable,
                size_t output_count);

  // For DeviceClient::load(), also in another process with the same plugin and kind of device.
  Result<std::string> serialize() const;
  // Returns when all devices are done. Inputs that the program gives to results are donated then.
  Result<Outputs> run(const Inputs& inputs) const;

 private:
  Status wait_all(std::span<Event* const> events) const;

  std::shared_ptr<const ClientState> client_;
  OwnedLoadedExecutable executable_;
  size_t output_count_ = 0;
};

struct DeviceMemoryStats {
  int64_t used_bytes = 0;
  int64_t limit_bytes = 0;  // 0: the plugin does not say
};

class DeviceClient {
 public:
  static Result<DeviceClient> create(const std::shared_ptr<const Plugin>& plugin,
                                     const std::vector<ClientOption>& options);

  Result<std::string> platform_name() const;
  Result<std::string> platform_version() const;
  size_t device_count() const { return state_->devices.size(); }
  Result<std::string> device_kind(size_t device) const;
  // kUnimplemented where the plugin does not count, as XLA's for CPUs.
  Result<DeviceMemoryStats> memory(size_t device) const;

  // `program` is StableHLO, as text or as bytecode.
  Result<LoadedProgram> compile(std::string_view program, const CompileOptions& options) const;
  // What serialize() gave. An error for anything that the plugin does not take: compile then.
  Result<LoadedProgram> load(std::string_view serialized) const;
  // Row-major values; the bytes may go when this returns.
  Result<DeviceBuffer> upload(size_t device, const ArrayType& type,
                              std::span<const std::byte> values) const;

 private:
  explicit DeviceClient(std::shared_ptr<const ClientState> state) : state_(std::move(state)) {}

  // A program that was just made, with what is to be known of it.
  Result<LoadedProgram> take(LoadedExecutable* executable) const;

  std::shared_ptr<const ClientState> state_;
};

}  // namespace puna::pjrt
