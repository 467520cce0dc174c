// Types of tensors in a StableHLO program, and how its text spells them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace puna::stablehlo {

// What Neuron's compiler takes too: no 64-bit integers, no unsigned ones for indices. i8 is only
// stored: it is converted before anything is computed.
enum class ElementType { kI1, kI8, kI32, kBf16, kF32 };

std::string_view describe(ElementType element);  // "i1", "i8", "i32", "bf16", "f32"
bool is_float(ElementType element);

using Shape = std::vector<int64_t>;

struct TensorType {
  ElementType element = ElementType::kF32;
  Shape shape;  // empty: a scalar

  bool operator==(const TensorType&) const = default;
};

std::string describe(const TensorType& type);  // "tensor<2x3xf32>"
int64_t element_count(const TensorType& type);

// "2, 3" without brackets, as attributes have lists.
std::string list_text(std::span<const int64_t> numbers);

}  // namespace puna::stablehlo
