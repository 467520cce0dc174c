// gather and scatter: elements whose places are values. Out of range is an error, as on Neuron; the
// specification would clamp or skip.

#include "stablehlo/interpreter/dimensions.h"
#include "stablehlo/interpreter/kernel.h"

namespace puna::interpreter {
namespace {

// How the window of one index lies in the indexed tensor, and its elements in the tensor of
// windows. gather and scatter are the same in both directions.
struct Windows {
  Dimensions window_dimensions;  // of the tensor of windows
  Dimensions batch_dimensions;   // the others, in the order of the indices
  Dimensions kept;               // of the indexed tensor: those the window spans
  Dimensions index_map;          // of the indexed tensor: component i of an index is along this
  int64_t vector_dimension = 0;  // of the indices: along it lie the components
  Type indexed;
  Type indices;
  Type windows;

  // Reads the numbers, which gather and scatter call otherwise but for the last; the types stand.
  Status take(Attributes& numbers, std::string_view windows_name, std::string_view dropped_name,
              std::string_view map_name);
  // The element of the indexed tensor for each element of the tensor of windows.
  Result<std::vector<size_t>> places(const Tensor& index_values) const;

 private:
  Status check() const;
};

Status Windows::take(Attributes& numbers, std::string_view windows_name,
                     std::string_view dropped_name, std::string_view map_name) {
  ASSIGN_OR_RETURN(window_dimensions, numbers.take_integers_or_none(windows_name));
  ASSIGN_OR_RETURN(const Dimensions dropped, numbers.take_integers_or_none(dropped_name));
  ASSIGN_OR_RETURN(index_map, numbers.take_integers(map_name));
  ASSIGN_OR_RETURN(vector_dimension, numbers.take_integer("index_vector_dim"));
  RETURN_IF_ERROR(numbers.all_taken());
  kept = others(dropped, indexed.rank());
  batch_dimensions = others(window_dimensions, windows.rank());
  return check();
}

Status Windows::check() const {
  const int64_t dropped = indexed.rank() - static_cast<int64_t>(kept.size());
  if (indices.element != Element::kI32) return invalid_argument("its indices are i32");
  if (vector_dimension < 0 || vector_dimension > indices.rank()) {
    return invalid_argument("its index_vector_dim is no dimension");
  }
  const int64_t components =
      vector_dimension == indices.rank() ? 1 : indices.size(vector_dimension);
  if (components != static_cast<int64_t>(index_map.size()) ||
      !are_ascending(index_map, indexed.rank())) {
    return invalid_argument("an index has {} components", components);
  }
  if (!are_ascending(window_dimensions, windows.rank()) || dropped < 0 ||
      window_dimensions.size() != kept.size()) {
    return invalid_argument("its windows have other dimensions than {}", describe(indexed));
  }
  Dimensions batch_shape;
  for (int64_t i = 0; i < indices.rank(); ++i) {
    if (i != vector_dimension) batch_shape.push_back(indices.size(i));
  }
  Dimensions found;
  for (const int64_t dimension : batch_dimensions) found.push_back(windows.size(dimension));
  if (found != batch_shape) return invalid_argument("there is not one window for each index");
  for (size_t i = 0; i < kept.size(); ++i) {
    if (windows.size(window_dimensions[i]) > indexed.size(kept[i])) {
      return invalid_argument("a window is larger than {}", describe(indexed));
    }
  }
  return {};
}

Result<std::vector<size_t>> Windows::places(const Tensor& index_values) const {
  const Dimensions strides = strides_of(indexed.shape);
  // Of the indices: what a step along a batch dimension, and along the components, moves.
  Dimensions index_strides = strides_of(indices.shape);
  int64_t component_stride = 0;
  if (vector_dimension < indices.rank()) {
    component_stride = index_strides[static_cast<size_t>(vector_dimension)];
    index_strides.erase(index_strides.begin() + vector_dimension);
  }
  Dimensions batch_strides(windows.shape.size(), 0);
  Dimensions window_strides(windows.shape.size(), 0);
  for (size_t i = 0; i < batch_dimensions.size(); ++i) {
    batch_strides[static_cast<size_t>(batch_dimensions[i])] = index_strides[i];
  }
  Dimensions window_sizes(indexed.shape.size(), 1);
  for (size_t i = 0; i < kept.size(); ++i) {
    const auto dimension = static_cast<size_t>(window_dimensions[i]);
    window_strides[dimension] = strides[static_cast<size_t>(kept[i])];
    window_sizes[static_cast<size_t>(kept[i])] = windows.shape[dimension];
  }
  std::vector<size_t> places(static_cast<size_t>(element_count(windows)));
  Status status;
  for_each_strided(windows.shape, batch_strides, 0, [&](size_t i, size_t index) {
    int64_t start = 0;
    for (size_t c = 0; c < index_map.size(); ++c) {
      const auto dimension = static_cast<size_t>(index_map[c]);
      const int64_t component =
          index_values.integers[index + c * static_cast<size_t>(component_stride)];
      if (component < 0 || component + window_sizes[dimension] > indexed.shape[dimension]) {
        if (status.ok()) {
          status = error(StatusCode::kOutOfRange, "index {} leaves dimension {} of {}", component,
                         dimension, describe(indexed));
        }
        return;
      }
      start += component * strides[dimension];
    }
    places[i] = static_cast<size_t>(start);
  });
  if (!status.ok()) return status;
  for_each_strided(windows.shape, window_strides, 0,
                   [&](size_t i, size_t offset) { places[i] += offset; });
  return places;
}

Result<bool> take_flag(Attributes& attributes, std::string_view name) {
  ASSIGN_OR_RETURN(const Attribute flag, attributes.take(name, Attribute::Kind::kBoolean));
  return flag.integer != 0;
}

}  // namespace

Result<Kernel> make_gather(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(2));
  ASSIGN_OR_RETURN(Attributes numbers,
                   source.attributes.take_fields("dimension_numbers", "stablehlo.gather"));
  ASSIGN_OR_RETURN(const Dimensions sizes, source.attributes.take_integers("slice_sizes"));
  RETURN_IF_ERROR(take_flag(source.attributes, "indices_are_sorted").status());
  Windows windows;
  windows.indexed = source.operand(0);
  windows.indices = source.operand(1);
  windows.windows = source.result();
  RETURN_IF_ERROR(windows.take(numbers, "offset_dims", "collapsed_slice_dims", "start_index_map"));
  RETURN_IF_ERROR(source.expect_result({windows.indexed.element, windows.windows.shape}));
  Dimensions expected(windows.indexed.shape.size(), 1);
  for (size_t i = 0; i < windows.kept.size(); ++i) {
    expected[static_cast<size_t>(windows.kept[i])] =
        windows.windows.size(windows.window_dimensions[i]);
  }
  if (sizes != expected) return invalid_argument("its slice_sizes are not those of its result");
  return on_each_device([windows](Operands operands) -> Result<Tensor> {
    ASSIGN_OR_RETURN(const std::vector<size_t> places, windows.places(*operands[1]));
    Tensor result = zeros(windows.windows);
    for (size_t i = 0; i < places.size(); ++i) {
      if (windows.windows.is_float()) {
        result.floats[i] = operands[0]->floats[places[i]];
      } else {
        result.integers[i] = operands[0]->integers[places[i]];
      }
    }
    return result;
  });
}

Result<Kernel> make_scatter(KernelSource& source) {
  RETURN_IF_ERROR(source.expect_operands(3));
  ASSIGN_OR_RETURN(Attributes numbers,
                   source.attributes.take_fields("scatter_dimension_numbers", "stablehlo.scatter"));
  RETURN_IF_ERROR(take_flag(source.attributes, "indices_are_sorted").status());
  ASSIGN_OR_RETURN(const bool is_unique, take_flag(source.attributes, "unique_indices"));
  Windows windows;
  windows.indexed = source.operand(0);
  windows.indices = source.operand(1);
  windows.windows = source.operand(2);
  RETURN_IF_ERROR(windows.take(numbers, "update_window_dims", "inserted_window_dims",
                               "scatter_dims_to_operand_dims"));
  const Type type = windows.indexed;
  RETURN_IF_ERROR(source.expect_result(type));
  if (!type.is_float() || windows.windows.element != type.element) {
    return error(StatusCode::kUnimplemented, "it writes floats of one type");
  }
  ASSIGN_OR_RETURN(const Combiner combiner, parse_combiner(source, type.element));
  if (combiner != Combiner::kSecond) {
    return error(StatusCode::kUnimplemented, "it writes and does not combine");
  }
  return on_each_device([windows, is_unique](Operands operands) -> Result<Tensor> {
    ASSIGN_OR_RETURN(const std::vector<size_t> places, windows.places(*operands[1]));
    Tensor result = *operands[0];
    std::vector<bool> is_written(result.floats.size());
    for (size_t i = 0; i < places.size(); ++i) {
      if (is_unique && is_written[places[i]]) {
        return invalid_argument("unique_indices, and an element is written twice");
      }
      is_written[places[i]] = true;
      result.floats[places[i]] = operands[2]->floats[i];
    }
    return result;
  });
}

}  // namespace puna::interpreter
