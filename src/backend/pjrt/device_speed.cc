// Each program goes over its array several times, so that the call itself hardly counts; a pass
// needs the one before it, so that no compiler makes one of them.

#include "backend/pjrt/device_speed.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "backend/pjrt/compile_options.h"
#include "backend/pjrt/device_weights.h"
#include "base/float16.h"
#include "stablehlo/program_builder.h"

namespace puna::pjrt {
namespace {

using stablehlo::ElementType;
using stablehlo::ProgramBuilder;
using stablehlo::TensorType;
using stablehlo::Value;

constexpr int kPasses = 8;
constexpr int64_t kColumns = 1024;
constexpr int64_t kSideMin = 32;    // of a square matrix
constexpr int64_t kSideMax = 4096;  // large enough for the peak of any device
constexpr double kNextToNothing = 1e-30;

// Sums of the rows, weighted by numbers that come from the sums before.
Result<std::string> reading_program(stablehlo::DeviceGroup devices, const TensorType& array) {
  ProgramBuilder builder(devices);
  const Value values = builder.argument("values", array);
  const TensorType sums = {ElementType::kF32, {array.shape[0]}};
  Value weights = builder.argument("weights", sums);
  for (int pass = 0; pass < kPasses; ++pass) {
    const Value weighted = builder.multiply(builder.convert(values, ElementType::kF32),
                                            builder.broadcast(weights, array.shape, {0}));
    const Value sum = builder.reduce(stablehlo::Reduction::kSum, weighted, {1}, 0);
    weights = builder.add(weights, builder.multiply(sum, builder.splat(kNextToNothing, sums)));
  }
  builder.result(weights);
  return builder.finish();
}

// The same square matrix multiplied again and again; scaled, so that it stays finite.
Result<std::string> multiplying_program(stablehlo::DeviceGroup devices, const TensorType& matrix) {
  ProgramBuilder builder(devices);
  const Value factor = builder.argument("factor", matrix);
  Value product = builder.argument("first", matrix);
  const double scale = 1 / std::sqrt(static_cast<double>(matrix.shape[0]));
  const TensorType wide = {ElementType::kF32, matrix.shape};
  for (int pass = 0; pass < kPasses; ++pass) {
    const Value next = builder.dot(
        product, factor, {.lhs_contracting = {1}, .rhs_contracting = {1}}, ElementType::kF32);
    product = builder.convert(builder.multiply(next, builder.splat(scale, wide)), matrix.element);
  }
  builder.result(product);
  return builder.finish();
}

// Small numbers of no pattern: a device draws less power, and is faster, on zeros.
std::vector<std::byte> numbers(const TensorType& type) {
  constexpr uint32_t kMultiplier = 1664525;
  constexpr uint32_t kIncrement = 1013904223;
  std::vector<std::byte> bytes(static_cast<size_t>(byte_count(array_type(type))));
  const size_t size = type.element == ElementType::kF32 ? 4 : 2;
  uint32_t state = 1;
  for (size_t i = 0; i < bytes.size(); i += size) {
    state = state * kMultiplier + kIncrement;
    const float value = static_cast<float>(state >> 8) * 0x1p-23F - 1;
    const uint16_t half = f32_to_bf16(value);
    std::memcpy(&bytes[i], size == 4 ? static_cast<const void*>(&value) : &half, size);
  }
  return bytes;
}

}  // namespace

Result<DeviceSpeed::Measured> DeviceSpeed::prepare(const DeviceClient& client,
                                                   const stablehlo::PlatformProfile& profile,
                                                   int degree, const std::string& text,
                                                   const std::vector<TensorType>& inputs,
                                                   double work) {
  ASSIGN_OR_RETURN(LoadedProgram program, client.compile(text, compile_options(profile, degree)));
  Measured measured = {std::move(program), {}, work};
  measured.inputs.resize(static_cast<size_t>(degree));
  for (const TensorType& type : inputs) {
    const std::vector<std::byte> values = numbers(type);
    for (size_t device = 0; device < measured.inputs.size(); ++device) {
      ASSIGN_OR_RETURN(DeviceBuffer buffer, client.upload(device, array_type(type), values));
      measured.inputs[device].push_back(std::move(buffer));
    }
  }
  RETURN_IF_ERROR(rate(measured).status());  // the first run is not like the others
  return measured;
}

Result<DeviceSpeed> DeviceSpeed::open(const DeviceClient& client,
                                      const stablehlo::PlatformProfile& profile, int degree,
                                      ElementType element, int64_t bytes) {
  const stablehlo::DeviceGroup devices = {.degree = degree, .mode = profile.tensor_parallel};
  const int64_t size = element == ElementType::kF32 ? 4 : 2;
  const TensorType array = {element, {std::max<int64_t>(1, bytes / (kColumns * size)), kColumns}};
  ASSIGN_OR_RETURN(const std::string reading, reading_program(devices, array));
  ASSIGN_OR_RETURN(
      Measured read,
      prepare(client, profile, degree, reading, {array, {ElementType::kF32, {array.shape[0]}}},
              static_cast<double>(kPasses * degree * byte_count(array_type(array)))));
  int64_t side = kSideMin;
  while (side < kSideMax && 4 * side * side * size <= bytes / 4) side *= 2;
  const TensorType matrix = {element, {side, side}};
  ASSIGN_OR_RETURN(const std::string multiplying, multiplying_program(devices, matrix));
  ASSIGN_OR_RETURN(Measured multiply,
                   prepare(client, profile, degree, multiplying, {matrix, matrix},
                           2.0 * kPasses * degree * static_cast<double>(side * side) *
                               static_cast<double>(side)));
  return DeviceSpeed(std::move(read), std::move(multiply));
}

Result<double> DeviceSpeed::rate(const Measured& measured) {
  LoadedProgram::Inputs inputs;
  for (const auto& device : measured.inputs) {
    auto& list = inputs.emplace_back();
    for (const DeviceBuffer& buffer : device) list.push_back(&buffer);
  }
  const auto start = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(measured.program.run(inputs).status());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  return measured.work / taken.count();
}

Result<DeviceLimits> DeviceSpeed::measure() const {
  DeviceLimits limits;
  ASSIGN_OR_RETURN(limits.read_bandwidth, rate(read_));
  ASSIGN_OR_RETURN(limits.operations, rate(multiply_));
  return limits;
}

}  // namespace puna::pjrt
