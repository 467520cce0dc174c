// MeasuredBackend: what measurements ask of a backend besides steps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "backend/backend.h"

namespace puna {

// What the model takes. All zero: not known.
struct BackendMemory {
  int64_t weight_bytes = 0;       // as the backend holds them
  int64_t step_weight_bytes = 0;  // of these, what every step reads: not rows of the embedding
  int64_t kv_bytes_per_token = 0;
  int weight_group = 0;  // weights that share a scale; 0: none do
};

// What a device gives at most, measured.
struct DeviceLimits {
  double read_bandwidth = 0;  // bytes per second
  double operations = 0;  // multiplications and additions per second, in the type of the weights
};

class MeasuredBackend : public BlockingBackend {
 public:
  virtual BackendMemory memory() const = 0;
  // Writes finite values into every KV block: a sequence may then begin at any position, and
  // reading its blocks costs what it costs a server. Memory that was never written is one shared
  // page of zeros, which caches hold.
  virtual void fill_blocks() = 0;
  // Waits for what a start leaves to the background.
  virtual void settle() = 0;
  virtual std::string kernels() const = 0;  // the instruction set or the devices, by name
  // Measured now; nothing where the machine's own limits are those of the backend.
  virtual Result<std::optional<DeviceLimits>> device_limits() = 0;
};

}  // namespace puna
