// Operations on elements of one place: arithmetic, comparison, selection, conversion.

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "stablehlo/interpreter/kernel.h"

namespace puna::interpreter {
namespace {

using FloatFunction = float (*)(float, float);  // unary ones ignore the second
using IntegerFunction = int32_t (*)(int32_t, int32_t);

// In 32 bits, round and round.
template <class Operation>
int32_t wrapped(int32_t a, int32_t b, Operation operation) {
  return static_cast<int32_t>(operation(static_cast<uint32_t>(a), static_cast<uint32_t>(b)));
}

struct ElementwiseOp {
  std::string_view name;
  size_t operands = 2;
  FloatFunction of_floats = nullptr;
  IntegerFunction of_integers = nullptr;
  bool is_logic = false;  // of i1 alone
};

constexpr ElementwiseOp kOps[] = {
    {"add", 2, [](float a, float b) { return a + b; },
     [](int32_t a, int32_t b) {
       return wrapped(a, b, [](uint32_t x, uint32_t y) { return x + y; });
     }},
    {"subtract", 2, [](float a, float b) { return a - b; },
     [](int32_t a, int32_t b) {
       return wrapped(a, b, [](uint32_t x, uint32_t y) { return x - y; });
     }},
    {"multiply", 2, [](float a, float b) { return a * b; },
     [](int32_t a, int32_t b) {
       return wrapped(a, b, [](uint32_t x, uint32_t y) { return x * y; });
     }},
    {"divide", 2, [](float a, float b) { return a / b; }},
    // A NaN stays one, as IEEE 754-2019's maximum has it.
    {"maximum", 2, [](float a, float b) { return a > b || a != a ? a : b; },
     [](int32_t a, int32_t b) { return a > b ? a : b; }},
    {"minimum", 2, [](float a, float b) { return a < b || a != a ? a : b; },
     [](int32_t a, int32_t b) { return a < b ? a : b; }},
    {"and", 2, nullptr, [](int32_t a, int32_t b) { return a & b; }, true},
    {"negate", 1, [](float a, float /*b*/) { return -a; }},
    {"exponential", 1, [](float a, float /*b*/) { return std::exp(a); }},
    {"logistic", 1, [](float a, float /*b*/) { return 1 / (1 + std::exp(-a)); }},
    {"rsqrt", 1, [](float a, float /*b*/) { return 1 / std::sqrt(a); }},
};

template <class T>
bool holds(std::string_view direction, T a, T b) {
  if (direction == "LT") return a < b;
  if (direction == "LE") return a <= b;
  if (direction == "GT") return a > b;
  if (direction == "GE") return a >= b;
  if (direction == "EQ") return a == b;
  return a != b;
}

bool is_direction(std::string_view word) {
  return word == "LT" || word == "LE" || word == "GT" || word == "GE" || word == "EQ" ||
         word == "NE";
}

int32_t to_integer(float value) {
  constexpr float kLimit = 2147483648.0F;
  if (!(value > -kLimit && value < kLimit)) return std::numeric_limits<int32_t>::min();
  return static_cast<int32_t>(value);
}

}  // namespace

Result<Kernel> make_elementwise(KernelSource& source, std::string_view op) {
  for (const ElementwiseOp& known : kOps) {
    if (known.name != op) continue;
    RETURN_IF_ERROR(source.expect_operands(known.operands));
    const Type& type = source.operand(0);
    if (source.operand(known.operands - 1) != type) {
      return invalid_argument("its operands have different types");
    }
    RETURN_IF_ERROR(source.expect_result(type));
    const bool is_logic = type.element == Element::kI1;
    if ((type.is_float() ? known.of_floats == nullptr : known.of_integers == nullptr) ||
        type.element == Element::kI8 || is_logic != known.is_logic) {
      return error(StatusCode::kUnimplemented, "it does not take {}", describe(type));
    }
    return on_each_device([type, known](Operands operands) -> Result<Tensor> {
      Tensor result = zeros(type);
      const Tensor& a = *operands.front();
      const Tensor& b = *operands.back();
      for (size_t i = 0; i < result.floats.size(); ++i) {
        result.floats[i] = rounded(known.of_floats(a.floats[i], b.floats[i]), type.element);
      }
      for (size_t i = 0; i < result.integers.size(); ++i) {
        result.integers[i] = known.of_integers(a.integers[i], b.integers[i]);
      }
      return result;
    });
  }
  return error(StatusCode::kUnimplemented, "it is not on the list of operations");
}

Result<Kernel> make_compare(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(2));
  if (source.operand(0) != source.operand(1)) {
    return invalid_argument("its operands have different types");
  }
  const Type type = {Element::kI1, source.operand(0).shape};
  RETURN_IF_ERROR(source.expect_result(type));
  ASSIGN_OR_RETURN(const Attribute word,
                   source.attributes.take("comparison_direction", Attribute::Kind::kWord));
  constexpr std::string_view kName = "comparison_direction ";
  if (word.text.rfind(kName, 0) != 0 || !is_direction(word.text.substr(kName.size()))) {
    return invalid_argument("'{}' is no direction", word.text);
  }
  return on_each_device(
      [type, direction = word.text.substr(kName.size())](Operands operands) -> Result<Tensor> {
        Tensor result = zeros(type);
        const Tensor& a = *operands[0];
        const Tensor& b = *operands[1];
        for (size_t i = 0; i < result.integers.size(); ++i) {
          const bool answer = a.type.is_float() ? holds(direction, a.floats[i], b.floats[i])
                                                : holds(direction, a.integers[i], b.integers[i]);
          result.integers[i] = answer ? 1 : 0;
        }
        return result;
      });
}

Result<Kernel> make_select(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(3));
  const Type& type = source.operand(1);
  if (source.operand(2) != type || source.operand(0) != Type{Element::kI1, type.shape}) {
    return invalid_argument("it takes i1 and two tensors, all of one shape");
  }
  RETURN_IF_ERROR(source.expect_result(type));
  return on_each_device([type](Operands operands) -> Result<Tensor> {
    Tensor result = *operands[2];
    const Tensor& yes = *operands[1];
    for (size_t i = 0; i < operands[0]->integers.size(); ++i) {
      if (operands[0]->integers[i] == 0) continue;
      if (type.is_float()) {
        result.floats[i] = yes.floats[i];
      } else {
        result.integers[i] = yes.integers[i];
      }
    }
    return result;
  });
}

Result<Kernel> make_convert(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(1));
  const Type& type = source.result();
  RETURN_IF_ERROR(source.expect_result({type.element, source.operand(0).shape}));
  if (type.element == Element::kI1 || type.element == Element::kI8) {
    return error(StatusCode::kUnimplemented, "it does not give {}", describe(type));
  }
  return on_each_device([type](Operands operands) -> Result<Tensor> {
    Tensor result = zeros(type);
    const Tensor& from = *operands[0];
    for (size_t i = 0; i < result.floats.size(); ++i) {
      const float value =
          from.type.is_float() ? from.floats[i] : static_cast<float>(from.integers[i]);
      result.floats[i] = rounded(value, type.element);
    }
    for (size_t i = 0; i < result.integers.size(); ++i) {
      result.integers[i] = from.type.is_float() ? to_integer(from.floats[i]) : from.integers[i];
    }
    return result;
  });
}

}  // namespace puna::interpreter
