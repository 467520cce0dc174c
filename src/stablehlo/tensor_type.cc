// Spelling as in the StableHLO specification, section "Types".

#include "stablehlo/tensor_type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace puna::stablehlo {

std::string_view describe(ElementType element) {
  switch (element) {
    case ElementType::kI1:
      return "i1";
    case ElementType::kI8:
      return "i8";
    case ElementType::kI32:
      return "i32";
    case ElementType::kBf16:
      return "bf16";
    case ElementType::kF32:
      break;
  }
  return "f32";
}

bool is_float(ElementType element) {
  return element == ElementType::kBf16 || element == ElementType::kF32;
}

std::string describe(const TensorType& type) {
  std::string text = "tensor<";
  for (const int64_t size : type.shape) text += fmt::format("{}x", size);
  text += describe(type.element);
  return text + ">";
}

int64_t element_count(const TensorType& type) {
  int64_t count = 1;
  for (const int64_t size : type.shape) count *= size;
  return count;
}

std::string list_text(std::span<const int64_t> numbers) {
  return fmt::format("{}", fmt::join(numbers, ", "));
}

}  // namespace puna::stablehlo
