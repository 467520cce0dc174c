// What is behind the handles of the reference plugin.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "backend/pjrt/pjrt_abi.h"
#include "base/status.h"
#include "stablehlo/interpreter/program.h"

namespace puna::pjrt {

struct Error {
  Status status;
};

// Everything is done when a function returns; an event only says how it ended.
struct Event {
  Status status;
};

struct DeviceDescription {
  std::string kind;
};

struct Device {
  size_t index = 0;
  DeviceDescription description;
  int64_t memory_bytes = 0;  // 0: not said
};

struct Client {
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<Device*> device_list;
};

struct Executable {
  std::shared_ptr<const interpreter::Program> program;
  std::string text;
};

struct SerializedExecutable {
  std::string bytes;
};

struct LoadedExecutable {
  std::shared_ptr<const interpreter::Program> program;
  std::string text;
};

struct Buffer {
  const Device* device = nullptr;
  interpreter::Type type;
  interpreter::TensorPointer values;  // null: donated
};

}  // namespace puna::pjrt
