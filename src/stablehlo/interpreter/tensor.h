// Tensors of the interpreter: row-major values of one type, bf16 as rounded floats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna::interpreter {

enum class Element { kI1, kI8, kI32, kBf16, kF32 };

using Dimensions = std::vector<int64_t>;

struct Type {
  Element element = Element::kF32;
  Dimensions shape;

  bool operator==(const Type&) const = default;
  bool is_float() const { return element == Element::kBf16 || element == Element::kF32; }
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t size(int64_t dimension) const { return shape[static_cast<size_t>(dimension)]; }
};

inline constexpr int64_t kElementsMax = int64_t{1} << 31;  // of one tensor

std::string describe(const Type& type);  // "tensor<2x3xf32>"
int64_t element_count(const Type& type);

struct Tensor {
  Type type;
  std::vector<float> floats;      // f32 and bf16
  std::vector<int32_t> integers;  // i32, i8, and i1 as 0 and 1
};

using TensorPointer = std::shared_ptr<const Tensor>;

Tensor zeros(const Type& type);

// `value` as the element type holds it.
float rounded(float value, Element element);

// Index steps of each dimension in row-major order.
Dimensions strides_of(const Dimensions& shape);

// Calls visit(i, source) for each element i of `shape`, `source` being `offset` plus its index
// times `strides`. An odometer over the shape keeps it, so that nothing is divided.
template <class Visit>
void for_each_strided(const Dimensions& shape, const Dimensions& strides, int64_t offset,
                      Visit visit) {
  Dimensions index(shape.size(), 0);
  size_t count = 1;
  for (const int64_t size : shape) count *= static_cast<size_t>(size);
  for (size_t i = 0; i < count; ++i) {
    visit(i, static_cast<size_t>(offset));
    for (size_t d = shape.size(); d-- > 0;) {
      offset += strides[d];
      if (++index[d] < shape[d]) break;
      offset -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
}

// Values of `source` by strides.
Tensor read_strided(const Tensor& source, const Type& type, const Dimensions& strides,
                    int64_t offset);

}  // namespace puna::interpreter
