// Ops on values of one device.

#include "stablehlo/program_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace puna::stablehlo {
namespace {

int64_t rank(const Value& value) { return static_cast<int64_t>(value.type.shape.size()); }

int64_t size_at(const Value& value, int64_t dimension) {
  return value.type.shape[static_cast<size_t>(dimension)];
}

bool has_dimension(const Value& value, int64_t dimension) {
  return dimension >= 0 && dimension < rank(value);
}

bool contains(const Shape& numbers, int64_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

Shape without(const Shape& shape, const Shape& dimensions) {
  Shape left;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!contains(dimensions, static_cast<int64_t>(i))) left.push_back(shape[i]);
  }
  return left;
}

bool are_distinct_dimensions(const Value& value, const Shape& dimensions) {
  for (size_t i = 0; i < dimensions.size(); ++i) {
    if (!has_dimension(value, dimensions[i])) return false;
    if (std::count(dimensions.begin(), dimensions.end(), dimensions[i]) != 1) return false;
  }
  return true;
}

bool sizes_agree(const Value& lhs, const Shape& left, const Value& rhs, const Shape& right) {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    if (size_at(lhs, left[i]) != size_at(rhs, right[i])) return false;
  }
  return true;
}

std::string array(const Shape& numbers) {
  return numbers.empty() ? "array<i64>" : fmt::format("array<i64: {}>", list_text(numbers));
}

std::string number_text(double number, ElementType element) {
  if (element == ElementType::kI1) return number != 0 ? "true" : "false";
  if (is_float(element)) return fmt::format("{:.9e}", number);  // f32 comes back exactly
  return fmt::format("{}", static_cast<int64_t>(number));
}

std::string_view reduction_op(Reduction reduction) {
  switch (reduction) {
    case Reduction::kSum:
      return "add";
    case Reduction::kMaximum:
      return "maximum";
    case Reduction::kMinimum:
      break;
  }
  return "minimum";
}

// "({ ^bb0(…): … })" of two scalars; an empty `op` gives the second one.
std::string scalar_region(std::string_view op, ElementType element) {
  const std::string type = describe(TensorType{element, {}});
  std::string body = fmt::format(" ({{\n    ^bb0(%a: {0}, %b: {0}):\n", type);
  if (!op.empty()) {
    body += fmt::format("      %c = \"stablehlo.{0}\"(%a, %b) : ({1}, {1}) -> {1}\n", op, type);
  }
  return body + fmt::format("      \"stablehlo.return\"({}) : ({}) -> ()\n    }})",
                            op.empty() ? "%b" : "%c", type);
}

}  // namespace

Value ProgramBuilder::argument(std::string_view name, TensorType type,
                               std::optional<int> shard_dimension) {
  Value value = {fmt::format("%{}", name), std::move(type)};
  if (devices_.degree == 1) shard_dimension.reset();
  arguments_.push_back({value.name, value.type, shard_dimension, std::nullopt});
  return value;
}

void ProgramBuilder::result(const Value& value) { results_.push_back({value, std::nullopt}); }

void ProgramBuilder::result_in_place_of(const Value& argument, const Value& value) {
  const auto found =
      std::find_if(arguments_.begin(), arguments_.end(),
                   [&](const Argument& candidate) { return candidate.name == argument.name; });
  if (found == arguments_.end() || found->type != value.type) {
    emit("return", false, {argument, value}, {});
    return;
  }
  found->aliased_result = results_.size();
  results_.push_back({value, found->shard_dimension});
}

Value ProgramBuilder::splat(double number, const TensorType& type) {
  const TensorType scalar = {type.element, {}};
  const Value value = emit(
      "constant", true, {}, scalar,
      fmt::format("value = dense<{}> : {}", number_text(number, type.element), describe(scalar)));
  return type.shape.empty() ? value : broadcast(value, type.shape, {});
}

Value ProgramBuilder::iota(const TensorType& type, int64_t dimension) {
  const bool valid = dimension >= 0 && dimension < static_cast<int64_t>(type.shape.size());
  return emit("iota", valid, {}, type, fmt::format("iota_dimension = {} : i64", dimension));
}

Value ProgramBuilder::convert(const Value& value, ElementType element) {
  if (value.type.element == element) return value;
  return emit("convert", true, {value}, {element, value.type.shape});
}

Value ProgramBuilder::reshape(const Value& value, const Shape& shape) {
  if (value.type.shape == shape) return value;
  const TensorType type = {value.type.element, shape};
  return emit("reshape", element_count(type) == element_count(value.type), {value}, type);
}

Value ProgramBuilder::transpose(const Value& value, const Shape& permutation) {
  const bool valid =
      permutation.size() == value.type.shape.size() && are_distinct_dimensions(value, permutation);
  TensorType type = {value.type.element, {}};
  for (const int64_t dimension : valid ? permutation : Shape{}) {
    type.shape.push_back(size_at(value, dimension));
  }
  return emit("transpose", valid, {value}, type, "permutation = " + array(permutation));
}

Value ProgramBuilder::broadcast(const Value& value, const Shape& shape, const Shape& dimensions) {
  const Value target = {"", {value.type.element, shape}};
  const bool valid = dimensions.size() == value.type.shape.size() &&
                     are_distinct_dimensions(target, dimensions) &&
                     std::is_sorted(dimensions.begin(), dimensions.end());
  bool fits = valid;
  for (size_t i = 0; valid && i < dimensions.size(); ++i) {
    const int64_t size = value.type.shape[i];
    fits = fits && (size == 1 || size == size_at(target, dimensions[i]));
  }
  return emit("broadcast_in_dim", fits, {value}, target.type,
              "broadcast_dimensions = " + array(dimensions));
}

Value ProgramBuilder::slice(const Value& value, int64_t dimension, int64_t first, int64_t last) {
  if (!has_dimension(value, dimension) || first < 0 || first >= last ||
      last > size_at(value, dimension)) {
    return emit("slice", false, {value}, {});
  }
  if (first == 0 && last == size_at(value, dimension)) return value;
  Shape starts(value.type.shape.size(), 0);
  Shape limits = value.type.shape;
  starts[static_cast<size_t>(dimension)] = first;
  limits[static_cast<size_t>(dimension)] = last;
  TensorType type = value.type;
  type.shape[static_cast<size_t>(dimension)] = last - first;
  return emit("slice", true, {value}, type,
              fmt::format("start_indices = {}, limit_indices = {}, strides = {}", array(starts),
                          array(limits), array(Shape(starts.size(), 1))));
}

Value ProgramBuilder::dynamic_rows(const Value& value, const Value& first, int64_t size) {
  const TensorType index = {ElementType::kI32, {}};
  if (rank(value) == 0 || size < 1 || size > size_at(value, 0) || first.type != index) {
    return emit("dynamic_slice", false, {value, first}, {});
  }
  TensorType type = value.type;
  type.shape[0] = size;
  std::vector<Value> operands = {value, first};
  if (rank(value) > 1) operands.resize(value.type.shape.size() + 1, splat(0, index));
  return emit("dynamic_slice", true, operands, type, "slice_sizes = " + array(type.shape));
}

Value ProgramBuilder::concatenate(const Value& low, const Value& high, int64_t dimension) {
  const bool valid = has_dimension(low, dimension) && rank(low) == rank(high) &&
                     low.type.element == high.type.element &&
                     without(low.type.shape, {dimension}) == without(high.type.shape, {dimension});
  TensorType type = low.type;
  if (valid) type.shape[static_cast<size_t>(dimension)] += size_at(high, dimension);
  return emit("concatenate", valid, {low, high}, type,
              fmt::format("dimension = {} : i64", dimension));
}

Value ProgramBuilder::gather_rows(const Value& table, const Value& indices) {
  if (rank(table) == 0 || indices.type.element != ElementType::kI32) {
    return emit("gather", false, {table, indices}, {});
  }
  Shape row(table.type.shape.begin() + 1, table.type.shape.end());
  Shape offset_dims(row.size());
  std::iota(offset_dims.begin(), offset_dims.end(), rank(indices));
  TensorType type = {table.type.element, indices.type.shape};
  type.shape.insert(type.shape.end(), row.begin(), row.end());
  row.insert(row.begin(), 1);
  return emit("gather", true, {table, indices}, type,
              fmt::format("dimension_numbers = #stablehlo.gather<offset_dims = [{}], "
                          "collapsed_slice_dims = [0], start_index_map = [0], "
                          "index_vector_dim = {}>, slice_sizes = {}, indices_are_sorted = false",
                          list_text(offset_dims), rank(indices), array(row)));
}

Value ProgramBuilder::write_slots(const Value& pool, const Value& slots, const Value& rows) {
  const bool valid = rank(pool) == 4 && rank(rows) == 3 && pool.type.element == rows.type.element &&
                     slots.type == TensorType{ElementType::kI32, {size_at(rows, 0), 2}} &&
                     size_at(rows, 1) == size_at(pool, 1) && size_at(rows, 2) == size_at(pool, 3);
  return emit("scatter", valid, {pool, slots, rows}, pool.type,
              "scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1, 2], "
              "inserted_window_dims = [0, 2], scatter_dims_to_operand_dims = [0, 2], "
              "index_vector_dim = 1>, indices_are_sorted = false, unique_indices = true",
              scalar_region("", pool.type.element));
}

Value ProgramBuilder::unary(std::string_view op, const Value& value) {
  return emit(op, is_float(value.type.element), {value}, value.type);
}

Value ProgramBuilder::binary(std::string_view op, const Value& a, const Value& b) {
  const bool is_logic = op == "and";
  const bool valid = a.type == b.type && is_logic == (a.type.element == ElementType::kI1);
  return emit(op, valid, {a, b}, a.type);
}

Value ProgramBuilder::compare(Comparison comparison, const Value& a, const Value& b) {
  const std::string_view direction = comparison == Comparison::kLess          ? "LT"
                                     : comparison == Comparison::kLessOrEqual ? "LE"
                                                                              : "GE";
  return emit("compare", a.type == b.type && a.type.element != ElementType::kI1, {a, b},
              {ElementType::kI1, a.type.shape},
              fmt::format("comparison_direction = #stablehlo<comparison_direction {}>", direction));
}

Value ProgramBuilder::select(const Value& condition, const Value& yes, const Value& no) {
  const bool valid =
      yes.type == no.type && condition.type == TensorType{ElementType::kI1, yes.type.shape};
  return emit("select", valid, {condition, yes, no}, yes.type);
}

Value ProgramBuilder::reduce(Reduction reduction, const Value& value, const Shape& dimensions,
                             double initial) {
  const Value start = splat(initial, {value.type.element, {}});
  return emit("reduce", are_distinct_dimensions(value, dimensions), {value, start},
              {value.type.element, without(value.type.shape, dimensions)},
              "dimensions = " + array(dimensions),
              scalar_region(reduction_op(reduction), value.type.element));
}

Value ProgramBuilder::dot(const Value& lhs, const Value& rhs, const DotDimensions& dimensions,
                          ElementType result) {
  const auto& [lhs_batching, rhs_batching, lhs_contracting, rhs_contracting] = dimensions;
  Shape lhs_bound = lhs_batching;
  lhs_bound.insert(lhs_bound.end(), lhs_contracting.begin(), lhs_contracting.end());
  Shape rhs_bound = rhs_batching;
  rhs_bound.insert(rhs_bound.end(), rhs_contracting.begin(), rhs_contracting.end());
  if (!is_float(lhs.type.element) || lhs.type.element != rhs.type.element || !is_float(result) ||
      !are_distinct_dimensions(lhs, lhs_bound) || !are_distinct_dimensions(rhs, rhs_bound) ||
      !sizes_agree(lhs, lhs_batching, rhs, rhs_batching) ||
      !sizes_agree(lhs, lhs_contracting, rhs, rhs_contracting)) {
    return emit("dot_general", false, {lhs, rhs}, {});
  }
  TensorType type = {result, {}};
  for (const int64_t dimension : lhs_batching) type.shape.push_back(size_at(lhs, dimension));
  for (const int64_t size : without(lhs.type.shape, lhs_bound)) type.shape.push_back(size);
  for (const int64_t size : without(rhs.type.shape, rhs_bound)) type.shape.push_back(size);
  std::string attributes = fmt::format(
      "dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [{}], "
      "rhs_batching_dimensions = [{}], lhs_contracting_dimensions = [{}], "
      "rhs_contracting_dimensions = [{}]>",
      list_text(lhs_batching), list_text(rhs_batching), list_text(lhs_contracting),
      list_text(rhs_contracting));
  // Without it GPUs and TPUs multiply f32 in fewer bits.
  if (lhs.type.element == ElementType::kF32) {
    attributes +=
        ", precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]";
  }
  return emit("dot_general", true, {lhs, rhs}, type, attributes);
}

Value ProgramBuilder::sum_over_devices(const Value& value) {
  if (devices_.degree == 1) return value;
  return emit("all_reduce", is_float(value.type.element), {value}, value.type, group_attributes(),
              scalar_region("add", value.type.element));
}

Value ProgramBuilder::concatenate_over_devices(const Value& value, int64_t dimension) {
  if (devices_.degree == 1) return value;
  const bool valid = has_dimension(value, dimension);
  TensorType type = value.type;
  if (valid) type.shape[static_cast<size_t>(dimension)] *= devices_.degree;
  return emit("all_gather", valid, {value}, type,
              fmt::format("all_gather_dim = {} : i64, {}", dimension, group_attributes()));
}

Value ProgramBuilder::emit(std::string_view op, bool valid, const std::vector<Value>& operands,
                           TensorType type, const std::string& attributes,
                           const std::string& region) {
  std::string names;
  std::string types;
  for (const Value& operand : operands) {
    const std::string_view comma = names.empty() ? "" : ", ";
    names += fmt::format("{}{}", comma, operand.name);
    types += fmt::format("{}{}", comma, describe(operand.type));
  }
  if (!valid && status_.ok()) {
    status_ =
        error(StatusCode::kInternal, "stablehlo.{} does not take ({}) {}", op, types, attributes);
  }
  if (!status_.ok()) return {"%wrong", std::move(type)};
  Value value = {fmt::format("%{}", next_value_++), std::move(type)};
  body_ += fmt::format("    {} = \"stablehlo.{}\"({}){}{} : ({}) -> {}\n", value.name, op, names,
                       region, attributes.empty() ? "" : fmt::format(" {{{}}}", attributes), types,
                       describe(value.type));
  return value;
}

}  // namespace puna::stablehlo
