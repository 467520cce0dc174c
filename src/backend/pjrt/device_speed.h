// DeviceSpeed: what the devices of a client give at most, measured: the limits that a benchmark
// compares itself with.
//
// Arrays as large as what a step reads, and never beyond what a device has to spare.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/measured_backend.h"
#include "backend/pjrt/client.h"
#include "base/status.h"
#include "stablehlo/platform_profile.h"
#include "stablehlo/tensor_type.h"

namespace puna::pjrt {

class DeviceSpeed {
 public:
  // On the first `degree` devices; each has an array of about `bytes` of `element`.
  static Result<DeviceSpeed> open(const DeviceClient& client,
                                  const stablehlo::PlatformProfile& profile, int degree,
                                  stablehlo::ElementType element, int64_t bytes);

  // Of all devices together.
  Result<DeviceLimits> measure() const;

 private:
  struct Measured {
    LoadedProgram program;
    std::vector<std::vector<DeviceBuffer>> inputs;  // [device][index]
    double work = 0;                                // bytes or operations of all devices
  };

  DeviceSpeed(Measured read, Measured multiply)
      : read_(std::move(read)), multiply_(std::move(multiply)) {}

  static Result<Measured> prepare(const DeviceClient& client,
                                  const stablehlo::PlatformProfile& profile, int degree,
                                  const std::string& text,
                                  const std::vector<stablehlo::TensorType>& inputs, double work);
  static Result<double> rate(const Measured& measured);

  Measured read_;
  Measured multiply_;
};

}  // namespace puna::pjrt
