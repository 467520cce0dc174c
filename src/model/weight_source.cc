// What all WeightSources share: the names of types, as ggml writes them, and the check of a read.

#include "model/weight_source.h"

#include "base/check.h"

namespace puna {

std::string_view describe(TensorType type) {
  switch (type) {
    case TensorType::kF32:
      return "F32";
    case TensorType::kF16:
      return "F16";
    case TensorType::kBf16:
      return "BF16";
    case TensorType::kQ8_0:
      return "Q8_0";
    case TensorType::kQ4_0:
      return "Q4_0";
    case TensorType::kQ4_1:
      return "Q4_1";
    case TensorType::kQ5_0:
      return "Q5_0";
    case TensorType::kQ5_1:
      return "Q5_1";
    case TensorType::kQ4_K:
      return "Q4_K";
    case TensorType::kQ5_K:
      return "Q5_K";
    case TensorType::kQ6_K:
      return "Q6_K";
    case TensorType::kAwq:
      return "AWQ";
    case TensorType::kGptq:
      return "GPTQ";
  }
  check_failed(__FILE__, __LINE__, "type", "a TensorType that does not exist");
}

bool is_quantised(TensorType type) {
  return type != TensorType::kF32 && type != TensorType::kF16 && type != TensorType::kBf16;
}

std::optional<QuantisedLayout> WeightSource::quantised_layout(std::string_view) const {
  return std::nullopt;
}

Status WeightSource::read_quantised_rows(std::string_view name, int64_t, int64_t,
                                         QuantisedRows&) const {
  return invalid_argument("tensor {} is not stored in 4 bits", name);
}

std::optional<Int8Layout> WeightSource::int8_layout(std::string_view) const { return std::nullopt; }

Status WeightSource::read_int8_rows(std::string_view name, int64_t, int64_t, Int8Rows&) const {
  return invalid_argument("tensor {} is not stored in 8 bits", name);
}

Status check_row_range(const TensorInfo& tensor, int64_t first_row, int64_t row_count) {
  if (tensor.shape.empty() || tensor.shape.size() > 2) {
    return invalid_argument("tensor {}: {} dimensions, only vectors and matrices have rows",
                            tensor.name, tensor.shape.size());
  }
  if (first_row < 0 || row_count < 0 || first_row > tensor.row_count() - row_count) {
    return invalid_argument("tensor {}: rows [{}, +{}) of {}", tensor.name, first_row, row_count,
                            tensor.row_count());
  }
  return Status();
}

Status check_rows(const TensorInfo& tensor, int64_t first_row, int64_t row_count, size_t out_size) {
  RETURN_IF_ERROR(check_row_range(tensor, first_row, row_count));
  if (out_size != static_cast<size_t>(row_count * tensor.column_count())) {
    return invalid_argument("tensor {}: room for {} values, expected {} rows of {}", tensor.name,
                            out_size, row_count, tensor.column_count());
  }
  return Status();
}

}  // namespace puna
