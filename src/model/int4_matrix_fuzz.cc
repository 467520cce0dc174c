// Any bytes as a packed layer: an error, or rows whose values have 4 bits.
//
// The first byte chooses packing, group and format; the rest is a safetensors file with w.qweight,
// w.qzeros, w.scales and w.g_idx.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "model/int4_matrix.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  const auto tensors = puna::parse_safetensors(bytes, "fuzz");
  if (!tensors.ok()) return 0;
  puna::Int4Parts parts;
  for (const puna::SafetensorsTensor& tensor : *tensors) {
    if (tensor.name == "w.qweight") parts.qweight = &tensor;
    if (tensor.name == "w.qzeros") parts.qzeros = &tensor;
    if (tensor.name == "w.scales") parts.scales = &tensor;
    if (tensor.name == "w.g_idx") parts.g_idx = &tensor;
  }
  const puna::QuantisationConfig config = {
      .packing = data[0] % 2 == 0 ? puna::Int4Packing::kAwq : puna::Int4Packing::kGptq,
      .group_size = 32 << data[0] / 2 % 3,
      .has_zeros = data[0] / 8 % 2 == 0,
      .zeros_are_less_one = data[0] / 16 % 2 == 0};
  const auto matrix = puna::Int4Matrix::open(config, "w", parts);
  if (!matrix.ok()) return 0;
  const int64_t last = matrix->row_count() - 1;
  puna::QuantisedRows rows;
  for (const int64_t first : {int64_t{0}, last}) {
    matrix->read(first, 1, matrix->is_symmetric(), rows);
    for (const uint8_t value : rows.values) CHECK(value < 16, "values have 4 bits");
  }
  return 0;
}
