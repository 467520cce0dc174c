// Little-endian, row by row, as PJRT has them without strides.

#include "backend/pjrt/reference/values.h"

#include <cstring>

#include "base/float16.h"

namespace puna::pjrt {
namespace {

using interpreter::Element;

size_t element_bytes(Element element) {
  if (element == Element::kI1 || element == Element::kI8) return 1;
  return element == Element::kBf16 ? 2 : 4;
}

}  // namespace

Result<Element> element_of(ElementCode code) {
  switch (code) {
    case ElementCode::kPred:
      return Element::kI1;
    case ElementCode::kS8:
      return Element::kI8;
    case ElementCode::kS32:
      return Element::kI32;
    case ElementCode::kBf16:
      return Element::kBf16;
    case ElementCode::kF32:
      return Element::kF32;
    default:
      return error(StatusCode::kUnimplemented, "element type {}", static_cast<int>(code));
  }
}

ElementCode code_of(Element element) {
  switch (element) {
    case Element::kI1:
      return ElementCode::kPred;
    case Element::kI8:
      return ElementCode::kS8;
    case Element::kI32:
      return ElementCode::kS32;
    case Element::kBf16:
      return ElementCode::kBf16;
    case Element::kF32:
      break;
  }
  return ElementCode::kF32;
}

size_t byte_count(const interpreter::Type& type) {
  return static_cast<size_t>(interpreter::element_count(type)) * element_bytes(type.element);
}

interpreter::Tensor read_values(const interpreter::Type& type, const void* data) {
  interpreter::Tensor tensor = interpreter::zeros(type);
  const auto* const bytes = static_cast<const std::byte*>(data);
  const size_t size = element_bytes(type.element);
  for (size_t i = 0; i < tensor.floats.size(); ++i) {
    uint16_t half = 0;
    if (type.element == Element::kF32) {
      std::memcpy(&tensor.floats[i], bytes + i * size, size);
    } else {
      std::memcpy(&half, bytes + i * size, size);
      tensor.floats[i] = bf16_to_f32(half);
    }
  }
  for (size_t i = 0; i < tensor.integers.size(); ++i) {
    if (type.element == Element::kI32) {
      std::memcpy(&tensor.integers[i], bytes + i * size, size);
    } else if (type.element == Element::kI8) {
      const int value = std::to_integer<int>(bytes[i]);
      tensor.integers[i] = value < 128 ? value : value - 256;
    } else {
      tensor.integers[i] = bytes[i] == std::byte{0} ? 0 : 1;
    }
  }
  return tensor;
}

void write_values(const interpreter::Tensor& tensor, void* data) {
  auto* const bytes = static_cast<std::byte*>(data);
  const Element element = tensor.type.element;
  const size_t size = element_bytes(element);
  for (size_t i = 0; i < tensor.floats.size(); ++i) {
    const uint16_t half = f32_to_bf16(tensor.floats[i]);
    const void* const value =
        element == Element::kF32 ? static_cast<const void*>(&tensor.floats[i]) : &half;
    std::memcpy(bytes + i * size, value, size);
  }
  for (size_t i = 0; i < tensor.integers.size(); ++i) {
    if (element == Element::kI32) {
      std::memcpy(bytes + i * size, &tensor.integers[i], size);
    } else {
      bytes[i] = static_cast<std::byte>(tensor.integers[i]);
    }
  }
}

}  // namespace puna::pjrt
