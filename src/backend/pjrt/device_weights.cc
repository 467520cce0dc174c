// The host holds one argument of one device at a time.

#include "backend/pjrt/device_weights.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "base/float16.h"
#include "base/log.h"
#include "base/progress_bar.h"
#include "stablehlo/weight_shards.h"

namespace puna::pjrt {
namespace {

using stablehlo::ArgumentRole;
using stablehlo::ElementType;
using stablehlo::ProgramArgument;
using stablehlo::ProgramShape;

bool is_kept(const ProgramArgument& argument) {
  return argument.is_weight() || argument.role == ArgumentRole::kRank ||
         argument.role == ArgumentRole::kCosines || argument.role == ArgumentRole::kSines;
}

ElementCode element_code(ElementType element) {
  switch (element) {
    case ElementType::kI1:
      return ElementCode::kPred;
    case ElementType::kI8:
      return ElementCode::kS8;
    case ElementType::kI32:
      return ElementCode::kS32;
    case ElementType::kBf16:
      return ElementCode::kBf16;
    case ElementType::kF32:
      break;
  }
  return ElementCode::kF32;
}

// Values of arguments in the element type of the device; its memory is used again.
class Reader {
 public:
  Reader(const LlamaConfig& config, const WeightSource& source, const ProgramShape& shape)
      : config_(config),
        source_(source),
        shape_(shape),
        tables_(stablehlo::rope_tables(config, shape.positions)) {}

  Result<std::span<const std::byte>> read(const ProgramArgument& argument, int rank) {
    if (argument.role == ArgumentRole::kRank) {
      rank_ = rank;
      return std::as_bytes(std::span(&rank_, 1));
    }
    if (argument.is_scale()) return std::as_bytes(std::span(scales_));
    if (argument.role == ArgumentRole::kCosines) return std::as_bytes(std::span(tables_.cosines));
    if (argument.role == ArgumentRole::kSines) return std::as_bytes(std::span(tables_.sines));
    values_.resize(static_cast<size_t>(stablehlo::element_count(argument.type)));
    RETURN_IF_ERROR(
        stablehlo::read_weight(source_, config_, shape_.degree, rank, argument, values_));
    if (argument.type.element == ElementType::kF32) return std::as_bytes(std::span(values_));
    if (argument.type.element == ElementType::kI8) {
      quantise(static_cast<size_t>(argument.type.shape[1]));
      return std::as_bytes(std::span(bytes_));
    }
    halves_.resize(values_.size());
    for (size_t i = 0; i < values_.size(); ++i) halves_[i] = f32_to_bf16(values_[i]);
    return std::as_bytes(std::span(halves_));
  }

  // Of all int8 matrices so far: root mean square of what rounding changed, as a share of theirs.
  double rounding_error() const { return squares_ > 0 ? std::sqrt(squared_errors_ / squares_) : 0; }

 private:
  // Each row by its largest value, to the nearest of 255 steps; its scale is the next argument.
  void quantise(size_t width) {
    constexpr float kLargest = 127;
    bytes_.resize(values_.size());
    scales_.resize(values_.size() / width);
    for (size_t row = 0; row < scales_.size(); ++row) {
      const std::span<const float> values = std::span(values_).subspan(row * width, width);
      float largest = 0;
      for (const float value : values) largest = std::max(largest, std::abs(value));
      scales_[row] = largest / kLargest;
      const float inverse = largest > 0 ? kLargest / largest : 0;
      for (size_t i = 0; i < width; ++i) {
        const float rounded = std::nearbyint(values[i] * inverse);
        bytes_[row * width + i] = static_cast<int8_t>(rounded);
        const double error =
            static_cast<double>(values[i]) - double{rounded} * double{scales_[row]};
        squared_errors_ += error * error;
        squares_ += static_cast<double>(values[i]) * static_cast<double>(values[i]);
      }
    }
  }

  const LlamaConfig& config_;
  const WeightSource& source_;
  const ProgramShape& shape_;
  const stablehlo::RopeTables tables_;
  int32_t rank_ = 0;
  std::vector<float> values_;
  std::vector<uint16_t> halves_;
  std::vector<int8_t> bytes_;
  std::vector<float> scales_;  // of the rows of bytes_
  double squares_ = 0;
  double squared_errors_ = 0;
};

}  // namespace

ArrayType array_type(const stablehlo::TensorType& type) {
  return {element_code(type.element), type.shape};
}

Result<DeviceWeights> DeviceWeights::load(const DeviceClient& client, const LlamaConfig& config,
                                          const WeightSource& source, const ProgramShape& shape,
                                          std::span<const ProgramArgument> arguments) {
  int64_t total = 0;
  for (const ProgramArgument& argument : arguments) {
    if (is_kept(argument)) total += byte_count(array_type(argument.type));
  }
  ProgressBar progress("loading weights", 0, total * shape.degree);
  DeviceWeights weights;
  Reader reader(config, source, shape);
  for (int rank = 0; rank < shape.degree; ++rank) {
    auto& held = weights.held_.emplace_back();
    for (const ProgramArgument& argument : arguments) {
      if (!is_kept(argument)) continue;
      const ArrayType type = array_type(argument.type);
      ASSIGN_OR_RETURN(const auto values, reader.read(argument, rank));
      ASSIGN_OR_RETURN(DeviceBuffer buffer, client.upload(static_cast<size_t>(rank), type, values));
      held.emplace(Key{argument.role, argument.layer}, std::move(buffer));
      progress.add(byte_count(type));
    }
  }
  if (shape.has_int8_matrices) {
    log_info("int8 weights: rounding changes matrices by {:.2f} % (root mean square)",
             100 * reader.rounding_error());
  }
  return weights;
}

const DeviceBuffer* DeviceWeights::find(size_t device, const ProgramArgument& argument) const {
  const auto found = held_[device].find({argument.role, argument.layer});
  return found == held_[device].end() ? nullptr : &found->second;
}

Result<std::vector<std::vector<DeviceBuffer>>> make_pools(
    const DeviceClient& client, int degree, std::span<const ProgramArgument> arguments) {
  std::vector<std::vector<DeviceBuffer>> pools(static_cast<size_t>(degree));
  std::vector<std::byte> zeros;
  for (size_t device = 0; device < pools.size(); ++device) {
    for (const ProgramArgument& argument : arguments) {
      if (!argument.is_pool()) continue;
      const ArrayType type = array_type(argument.type);
      zeros.resize(static_cast<size_t>(byte_count(type)));
      ASSIGN_OR_RETURN(DeviceBuffer buffer, client.upload(device, type, zeros));
      pools[device].push_back(std::move(buffer));
    }
  }
  return pools;
}

}  // namespace puna::pjrt
