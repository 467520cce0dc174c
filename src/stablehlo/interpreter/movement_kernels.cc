// Operations that make or move values without computing: constants, shapes, slices.

#include <utility>

#include "stablehlo/interpreter/dimensions.h"
#include "stablehlo/interpreter/kernel.h"

namespace puna::interpreter {
namespace {

constexpr int64_t kConstantElementsMax = 1 << 16;

Kernel strided(const Type& type, const Dimensions& strides, int64_t offset) {
  return on_each_device([=](Operands operands) -> Result<Tensor> {
    return read_strided(*operands[0], type, strides, offset);
  });
}

}  // namespace

Result<Kernel> make_constant(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(0));
  ASSIGN_OR_RETURN(const Attribute value, source.attributes.take("value", Attribute::Kind::kDense));
  const Type type = source.result();
  if (value.type != type) return invalid_argument("its value is of another type");
  if (element_count(type) > kConstantElementsMax) {
    return invalid_argument("it has more than {} elements: weights are arguments",
                            kConstantElementsMax);
  }
  const bool is_splat = value.items.size() == 1;
  if (!is_splat && static_cast<int64_t>(value.items.size()) != element_count(type)) {
    return invalid_argument("its value has {} numbers", value.items.size());
  }
  Tensor tensor = zeros(type);
  const auto item = [&](size_t i) -> const Attribute& { return value.items[is_splat ? 0 : i]; };
  for (size_t i = 0; i < tensor.floats.size(); ++i) {
    if (item(i).kind != Attribute::Kind::kReal) return invalid_argument("a real is expected");
    tensor.floats[i] = rounded(static_cast<float>(item(i).real), type.element);
  }
  const auto kind =
      type.element == Element::kI1 ? Attribute::Kind::kBoolean : Attribute::Kind::kInteger;
  for (size_t i = 0; i < tensor.integers.size(); ++i) {
    const int64_t number = item(i).integer;
    if (item(i).kind != kind || number != static_cast<int32_t>(number)) {
      return invalid_argument("a number of another type");
    }
    tensor.integers[i] = static_cast<int32_t>(number);
  }
  return on_each_device([tensor](Operands /*none*/) -> Result<Tensor> { return tensor; });
}

Result<Kernel> make_iota(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(0));
  ASSIGN_OR_RETURN(const int64_t dimension, source.attributes.take_integer("iota_dimension"));
  const Type type = source.result();
  if (dimension < 0 || dimension >= type.rank() || type.element != Element::kI32) {
    return invalid_argument("it counts along a dimension of i32");
  }
  Dimensions strides(type.shape.size(), 0);
  strides[static_cast<size_t>(dimension)] = 1;
  return on_each_device([=](Operands /*none*/) -> Result<Tensor> {
    Tensor result = zeros(type);
    for_each_strided(type.shape, strides, 0, [&](size_t i, size_t number) {
      result.integers[i] = static_cast<int32_t>(number);
    });
    return result;
  });
}

Result<Kernel> make_reshape(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(1));
  const Type& type = source.result();
  if (type.element != source.operand(0).element ||
      element_count(type) != element_count(source.operand(0))) {
    return invalid_argument("{} does not become {}", describe(source.operand(0)), describe(type));
  }
  return on_each_device([type](Operands operands) -> Result<Tensor> {
    Tensor result = *operands[0];
    result.type = type;
    return result;
  });
}

Result<Kernel> make_transpose(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(1));
  ASSIGN_OR_RETURN(const Dimensions permutation, source.attributes.take_integers("permutation"));
  const Type& from = source.operand(0);
  if (permutation.size() != from.shape.size() || !are_distinct(permutation, from.rank())) {
    return invalid_argument("its permutation is none");
  }
  const Dimensions from_strides = strides_of(from.shape);
  Type type = {from.element, {}};
  Dimensions strides;
  for (const int64_t dimension : permutation) {
    type.shape.push_back(from.size(dimension));
    strides.push_back(from_strides[static_cast<size_t>(dimension)]);
  }
  RETURN_IF_ERROR(source.expect_result(type));
  return strided(type, strides, 0);
}

Result<Kernel> make_broadcast(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(1));
  ASSIGN_OR_RETURN(const Dimensions dimensions,
                   source.attributes.take_integers("broadcast_dimensions"));
  const Type& from = source.operand(0);
  const Type type = source.result();
  RETURN_IF_ERROR(source.expect_result({from.element, type.shape}));
  if (dimensions.size() != from.shape.size() || !are_distinct(dimensions, type.rank())) {
    return invalid_argument("its dimensions do not name those of the operand");
  }
  const Dimensions from_strides = strides_of(from.shape);
  Dimensions strides(type.shape.size(), 0);
  for (size_t i = 0; i < dimensions.size(); ++i) {
    if (from.shape[i] == 1) continue;
    if (from.shape[i] != type.size(dimensions[i])) {
      return invalid_argument("dimension {} of {} does not fit", i, describe(from));
    }
    strides[static_cast<size_t>(dimensions[i])] = from_strides[i];
  }
  return strided(type, strides, 0);
}

Result<Kernel> make_slice(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(1));
  ASSIGN_OR_RETURN(const Dimensions starts, source.attributes.take_integers("start_indices"));
  ASSIGN_OR_RETURN(const Dimensions limits, source.attributes.take_integers("limit_indices"));
  ASSIGN_OR_RETURN(const Dimensions steps, source.attributes.take_integers("strides"));
  const Type& from = source.operand(0);
  const size_t rank = from.shape.size();
  if (starts.size() != rank || limits.size() != rank || steps.size() != rank) {
    return invalid_argument("its lists have other lengths than {}", describe(from));
  }
  Type type = {from.element, {}};
  Dimensions strides = strides_of(from.shape);
  int64_t offset = 0;
  for (size_t i = 0; i < rank; ++i) {
    if (starts[i] < 0 || starts[i] >= limits[i] || limits[i] > from.shape[i] || steps[i] < 1) {
      return error(StatusCode::kOutOfRange, "dimension {} has no [{}, {})", i, starts[i],
                   limits[i]);
    }
    type.shape.push_back((limits[i] - starts[i] - 1) / steps[i] + 1);
    offset += starts[i] * strides[i];
    strides[i] *= type.shape.back() == 1 ? 1 : steps[i];
  }
  RETURN_IF_ERROR(source.expect_result(type));
  return strided(type, strides, offset);
}

Result<Kernel> make_concatenate(KernelSource& source) {
  ASSIGN_OR_RETURN(const int64_t dimension, source.attributes.take_integer("dimension"));
  const std::vector<Type>& parts = source.syntax.operand_types;
  if (parts.empty() || dimension < 0 || dimension >= parts[0].rank()) {
    return invalid_argument("it joins tensors along one of their dimensions");
  }
  const auto along = static_cast<size_t>(dimension);
  Type type = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    Type other = parts[i];
    if (other.rank() != type.rank()) return invalid_argument("its operands do not fit together");
    type.shape[along] += std::exchange(other.shape[along], parts[0].shape[along]);
    if (other != parts[0]) return invalid_argument("its operands do not fit together");
  }
  RETURN_IF_ERROR(source.expect_result(type));
  return on_each_device([type, along](Operands operands) -> Result<Tensor> {
    Tensor result = zeros(type);
    const Dimensions strides = strides_of(type.shape);
    int64_t offset = 0;
    for (const Tensor* part : operands) {
      for_each_strided(part->type.shape, strides, offset, [&](size_t i, size_t to) {
        if (type.is_float()) {
          result.floats[to] = part->floats[i];
        } else {
          result.integers[to] = part->integers[i];
        }
      });
      offset += part->type.shape[along] * strides[along];
    }
    return result;
  });
}

Result<Kernel> make_dynamic_slice(KernelSource& source) {
  ASSIGN_OR_RETURN(const Dimensions sizes, source.attributes.take_integers("slice_sizes"));
  if (source.syntax.operand_types.empty()) return invalid_argument("it has no operand");
  const Type from = source.operand(0);
  RETURN_IF_ERROR(source.expect_operands(from.shape.size() + 1));
  for (size_t i = 1; i <= from.shape.size(); ++i) {
    if (source.operand(i) != Type{Element::kI32, {}}) {
      return invalid_argument("its starts are scalars of i32");
    }
  }
  if (sizes.size() != from.shape.size()) return invalid_argument("its sizes are too few or many");
  const Type type = {from.element, sizes};
  RETURN_IF_ERROR(source.expect_result(type));
  return on_each_device([=](Operands operands) -> Result<Tensor> {
    const Dimensions strides = strides_of(from.shape);
    int64_t offset = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const int64_t start = operands[i + 1]->integers[0];
      // The specification clamps, in silence; Neuron's answer would be another.
      if (start < 0 || start + sizes[i] > from.shape[i]) {
        return error(StatusCode::kOutOfRange, "a slice of {} from {} leaves dimension {} of {}",
                     sizes[i], start, i, describe(from));
      }
      offset += start * strides[i];
    }
    return read_strided(*operands[0], type, strides, offset);
  });
}

}  // namespace puna::interpreter
