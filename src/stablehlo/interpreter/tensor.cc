// Values are copied from tensor to tensor: nothing is a view of something else.

#include "stablehlo/interpreter/tensor.h"

#include <fmt/format.h>

#include "base/float16.h"

namespace puna::interpreter {
namespace {

std::string_view describe(Element element) {
  switch (element) {
    case Element::kI1:
      return "i1";
    case Element::kI8:
      return "i8";
    case Element::kI32:
      return "i32";
    case Element::kBf16:
      return "bf16";
    case Element::kF32:
      break;
  }
  return "f32";
}

}  // namespace

std::string describe(const Type& type) {
  std::string text = "tensor<";
  for (const int64_t size : type.shape) text += fmt::format("{}x", size);
  text += describe(type.element);
  return text + ">";
}

int64_t element_count(const Type& type) {
  int64_t count = 1;
  for (const int64_t size : type.shape) count *= size;
  return count;
}

Tensor zeros(const Type& type) {
  Tensor tensor = {type, {}, {}};
  const auto count = static_cast<size_t>(element_count(type));
  if (type.is_float()) {
    tensor.floats.resize(count);
  } else {
    tensor.integers.resize(count);
  }
  return tensor;
}

float rounded(float value, Element element) {
  return element == Element::kBf16 ? bf16_to_f32(f32_to_bf16(value)) : value;
}

Dimensions strides_of(const Dimensions& shape) {
  Dimensions strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

Tensor read_strided(const Tensor& source, const Type& type, const Dimensions& strides,
                    int64_t offset) {
  Tensor result = zeros(type);
  if (type.is_float()) {
    for_each_strided(type.shape, strides, offset,
                     [&](size_t i, size_t from) { result.floats[i] = source.floats[from]; });
  } else {
    for_each_strided(type.shape, strides, offset,
                     [&](size_t i, size_t from) { result.integers[i] = source.integers[from]; });
  }
  return result;
}

}  // namespace puna::interpreter
