// Operations of all devices together, in one group of everybody.

#include "stablehlo/interpreter/kernel.h"

namespace puna::interpreter {
namespace {

// Replicas have no channel; partitions have one and count devices over all.
Status check_group(KernelSource& source) {
  ASSIGN_OR_RETURN(const Attribute groups,
                   source.attributes.take("replica_groups", Attribute::Kind::kDense));
  const int64_t count = source.devices.count();
  if (groups.dense_shape != Dimensions{1, count} ||
      static_cast<int64_t>(groups.items.size()) != count) {
    return error(StatusCode::kUnimplemented, "its one group has all {} devices", count);
  }
  for (int64_t i = 0; i < count; ++i) {
    if (groups.items[static_cast<size_t>(i)].integer != i) {
      return error(StatusCode::kUnimplemented, "its group has the devices in order");
    }
  }
  const bool has_channel = source.attributes.take("channel_handle").has_value();
  const bool is_global = source.attributes.take("use_global_device_ids").has_value();
  const bool is_partitioned = source.devices.partitions > 1;
  if (has_channel != is_partitioned || is_global != is_partitioned) {
    return invalid_argument("channel_handle and use_global_device_ids are for partitions");
  }
  return {};
}

}  // namespace

Result<Kernel> make_all_reduce(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(1));
  RETURN_IF_ERROR(check_group(source));
  const Type type = source.operand(0);
  RETURN_IF_ERROR(source.expect_result(type));
  ASSIGN_OR_RETURN(const Combiner combiner, parse_combiner(source, type.element));
  if (combiner != Combiner::kAdd || !type.is_float()) {
    return error(StatusCode::kUnimplemented, "it adds floats");
  }
  Kernel kernel;
  kernel.collective = [type](Operands devices) -> Result<std::vector<Tensor>> {
    Tensor sum = zeros(type);
    for (size_t i = 0; i < sum.floats.size(); ++i) {
      double value = 0;
      for (const Tensor* device : devices) value += device->floats[i];
      sum.floats[i] = rounded(static_cast<float>(value), type.element);
    }
    return std::vector<Tensor>(devices.size(), sum);
  };
  return kernel;
}

Result<Kernel> make_all_gather(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(1));
  RETURN_IF_ERROR(check_group(source));
  ASSIGN_OR_RETURN(const int64_t dimension, source.attributes.take_integer("all_gather_dim"));
  const Type from = source.operand(0);
  if (dimension < 0 || dimension >= from.rank() || !from.is_float()) {
    return invalid_argument("it joins floats along one of their dimensions");
  }
  Type type = from;
  type.shape[static_cast<size_t>(dimension)] *= source.devices.count();
  RETURN_IF_ERROR(source.expect_result(type));
  Kernel kernel;
  kernel.collective = [=](Operands devices) -> Result<std::vector<Tensor>> {
    const Dimensions strides = strides_of(type.shape);
    const int64_t step = from.size(dimension) * strides[static_cast<size_t>(dimension)];
    Tensor all = zeros(type);
    for (size_t rank = 0; rank < devices.size(); ++rank) {
      for_each_strided(from.shape, strides, static_cast<int64_t>(rank) * step,
                       [&](size_t i, size_t to) { all.floats[to] = devices[rank]->floats[i]; });
    }
    return std::vector<Tensor>(devices.size(), all);
  };
  return kernel;
}

}  // namespace puna::interpreter
