// Lists of dimensions, as attributes of operations name them.
#pragma once

#include "stablehlo/interpreter/tensor.h"

namespace puna::interpreter {

// All of a tensor of that rank, and none twice.
bool are_distinct(const Dimensions& dimensions, int64_t rank);
bool are_ascending(const Dimensions& dimensions, int64_t rank);
// The dimensions of a tensor of that rank that are not named, ascending.
Dimensions others(const Dimensions& dimensions, int64_t rank);
Dimensions joined(const Dimensions& a, const Dimensions& b);
Dimensions sizes_of(const Type& type, const Dimensions& dimensions);

}  // namespace puna::interpreter
