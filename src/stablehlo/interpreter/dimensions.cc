// Ranks are small: lists are searched from end to end.

#include "stablehlo/interpreter/dimensions.h"

#include <algorithm>

namespace puna::interpreter {

bool are_distinct(const Dimensions& dimensions, int64_t rank) {
  for (const int64_t dimension : dimensions) {
    if (dimension < 0 || dimension >= rank) return false;
    if (std::count(dimensions.begin(), dimensions.end(), dimension) != 1) return false;
  }
  return true;
}

bool are_ascending(const Dimensions& dimensions, int64_t rank) {
  return are_distinct(dimensions, rank) && std::is_sorted(dimensions.begin(), dimensions.end());
}

Dimensions others(const Dimensions& dimensions, int64_t rank) {
  Dimensions rest;
  for (int64_t i = 0; i < rank; ++i) {
    if (std::find(dimensions.begin(), dimensions.end(), i) == dimensions.end()) rest.push_back(i);
  }
  return rest;
}

Dimensions joined(const Dimensions& a, const Dimensions& b) {
  Dimensions all = a;
  all.insert(all.end(), b.begin(), b.end());
  return all;
}

Dimensions sizes_of(const Type& type, const Dimensions& dimensions) {
  Dimensions sizes;
  for (const int64_t dimension : dimensions) sizes.push_back(type.size(dimension));
  return sizes;
}

}  // namespace puna::interpreter
