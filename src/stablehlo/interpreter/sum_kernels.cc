// Operations that bring many values into one: dot_general, reduce. Sums are kept in double and
// rounded once, so that whoever sums in another order can be judged.

#include <optional>

#include "stablehlo/interpreter/dimensions.h"
#include "stablehlo/interpreter/kernel.h"

namespace puna::interpreter {
namespace {

// Offsets of all elements that differ in `dimensions` alone, in row-major order of these.
std::vector<size_t> offsets_along(const Type& type, const Dimensions& dimensions) {
  const Dimensions all = strides_of(type.shape);
  Dimensions strides;
  int64_t count = 1;
  for (const int64_t dimension : dimensions) {
    strides.push_back(all[static_cast<size_t>(dimension)]);
    count *= type.size(dimension);
  }
  std::vector<size_t> offsets(static_cast<size_t>(count));
  for_each_strided(sizes_of(type, dimensions), strides, 0,
                   [&](size_t i, size_t offset) { offsets[i] = offset; });
  return offsets;
}

// One operand of a dot: which dimensions are shared, free and summed over.
struct DotSide {
  Type type;
  Dimensions batching;
  Dimensions contracting;

  bool is_valid() const {
    return type.is_float() && are_distinct(joined(batching, contracting), type.rank());
  }
  Dimensions free() const { return others(joined(batching, contracting), type.rank()); }
};

Tensor multiply(const DotSide& left, const DotSide& right, const Tensor& lhs, const Tensor& rhs,
                const Type& type) {
  const auto lhs_batch = offsets_along(left.type, left.batching);
  const auto rhs_batch = offsets_along(right.type, right.batching);
  const auto rows = offsets_along(left.type, left.free());
  const auto columns = offsets_along(right.type, right.free());
  const auto lhs_sum = offsets_along(left.type, left.contracting);
  const auto rhs_sum = offsets_along(right.type, right.contracting);
  Tensor result = zeros(type);
  size_t next = 0;
  for (size_t batch = 0; batch < lhs_batch.size(); ++batch) {
    for (const size_t row : rows) {
      const float* const a = &lhs.floats[lhs_batch[batch] + row];
      for (const size_t column : columns) {
        const float* const b = &rhs.floats[rhs_batch[batch] + column];
        double sum = 0;
        for (size_t k = 0; k < lhs_sum.size(); ++k) {
          sum += static_cast<double>(a[lhs_sum[k]]) * static_cast<double>(b[rhs_sum[k]]);
        }
        result.floats[next++] = rounded(static_cast<float>(sum), type.element);
      }
    }
  }
  return result;
}

Status check_precision(Attributes& attributes) {
  const std::optional<Attribute> precision = attributes.take("precision_config");
  if (!precision) return {};
  const bool is_pair = precision->kind == Attribute::Kind::kList && precision->items.size() == 2;
  if (!is_pair || precision->items[0].text.rfind("precision ", 0) != 0 ||
      precision->items[1].text.rfind("precision ", 0) != 0) {
    return invalid_argument("precision_config is a pair of #stablehlo<precision …>");
  }
  return {};
}

template <class T>
T combine(Combiner combiner, T a, T b) {
  if (combiner == Combiner::kAdd) return a + b;
  if (a != a) return a;
  if (combiner == Combiner::kMaximum) return a > b ? a : b;
  return a < b ? a : b;
}

}  // namespace

Result<Kernel> make_dot_general(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(2));
  ASSIGN_OR_RETURN(Attributes numbers,
                   source.attributes.take_fields("dot_dimension_numbers", "stablehlo.dot"));
  DotSide left = {source.operand(0), {}, {}};
  DotSide right = {source.operand(1), {}, {}};
  ASSIGN_OR_RETURN(left.batching, numbers.take_integers_or_none("lhs_batching_dimensions"));
  ASSIGN_OR_RETURN(right.batching, numbers.take_integers_or_none("rhs_batching_dimensions"));
  ASSIGN_OR_RETURN(left.contracting, numbers.take_integers("lhs_contracting_dimensions"));
  ASSIGN_OR_RETURN(right.contracting, numbers.take_integers("rhs_contracting_dimensions"));
  RETURN_IF_ERROR(numbers.all_taken());
  RETURN_IF_ERROR(check_precision(source.attributes));
  const Type type = source.result();
  if (!left.is_valid() || !right.is_valid() || left.type.element != right.type.element ||
      !type.is_float()) {
    return error(StatusCode::kUnimplemented, "it multiplies floats of one type, not {} and {}",
                 describe(left.type), describe(right.type));
  }
  const Dimensions batch = sizes_of(left.type, left.batching);
  if (batch != sizes_of(right.type, right.batching) ||
      sizes_of(left.type, left.contracting) != sizes_of(right.type, right.contracting)) {
    return invalid_argument("{} and {} do not fit together", describe(left.type),
                            describe(right.type));
  }
  const Dimensions free =
      joined(sizes_of(left.type, left.free()), sizes_of(right.type, right.free()));
  RETURN_IF_ERROR(source.expect_result({type.element, joined(batch, free)}));
  return on_each_device([left, right, type](Operands operands) -> Result<Tensor> {
    return multiply(left, right, *operands[0], *operands[1], type);
  });
}

Result<Kernel> make_reduce(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(2));
  ASSIGN_OR_RETURN(const Dimensions dimensions, source.attributes.take_integers("dimensions"));
  const Type from = source.operand(0);
  if (!are_distinct(dimensions, from.rank()) || source.operand(1) != Type{from.element, {}} ||
      from.element == Element::kI1 || from.element == Element::kI8) {
    return invalid_argument("it reduces dimensions of numbers, beginning with a scalar");
  }
  const Dimensions kept = others(dimensions, from.rank());
  const Type type = {from.element, sizes_of(from, kept)};
  RETURN_IF_ERROR(source.expect_result(type));
  ASSIGN_OR_RETURN(const Combiner combiner, parse_combiner(source, from.element));
  if (combiner == Combiner::kSecond) return invalid_argument("its region does not combine");
  return on_each_device([=](Operands operands) -> Result<Tensor> {
    const auto outer = offsets_along(from, kept);
    const auto inner = offsets_along(from, dimensions);
    Tensor result = zeros(type);
    for (size_t i = 0; i < outer.size(); ++i) {
      if (type.is_float()) {
        double value = operands[1]->floats[0];
        for (const size_t offset : inner) {
          value = combine<double>(combiner, value, operands[0]->floats[outer[i] + offset]);
        }
        result.floats[i] = rounded(static_cast<float>(value), type.element);
      } else {
        int64_t value = operands[1]->integers[0];
        for (const size_t offset : inner) {
          value = combine<int64_t>(combiner, value, operands[0]->integers[outer[i] + offset]);
        }
        result.integers[i] = static_cast<int32_t>(value);
      }
    }
    return result;
  });
}

}  // namespace puna::interpreter
