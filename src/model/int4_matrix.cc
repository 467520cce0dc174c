// The nibbles of AWQ and GPTQ, and the shapes that their tensors must have.

#include "model/int4_matrix.h"

#include <fmt/ranges.h>

#include <array>
#include <cstring>

#include "model/dequantize.h"
#include "model/model_folder.h"

namespace puna {
namespace {

constexpr int64_t kNibbles = 8;  // in a word
constexpr int kMiddle = 8;       // the zero of symmetric groups
// Where AWQ keeps the nibble of output 8c + i.
constexpr std::array<size_t, 8> kAwqNibble = {0, 4, 1, 5, 2, 6, 3, 7};

uint32_t load_word(std::span<const std::byte> words, size_t index) {
  uint32_t word = 0;
  std::memcpy(&word, words.data() + 4 * index, sizeof(word));
  return word;
}

uint32_t nibble(uint32_t word, size_t index) { return word >> (4 * index) & 15; }

Status check_tensor(std::string_view module, std::string_view part, const SafetensorsTensor* tensor,
                    std::string_view dtype) {
  const std::string name = fmt::format("{}.{}", printable_name(module), part);
  if (tensor == nullptr) return invalid_argument("tensor {} is missing", name);
  const bool is_float = dtype.empty() && tensor->type.has_value();
  if (!is_float && tensor->dtype != dtype) {
    return invalid_argument("tensor {} has dtype {}, expected {}", name, tensor->dtype,
                            dtype.empty() ? "F16, BF16 or F32" : dtype);
  }
  return Status();
}

Status check_shape(std::string_view module, std::string_view part, const SafetensorsTensor& tensor,
                   const std::vector<int64_t>& shape) {
  if (tensor.shape == shape) return Status();
  return invalid_argument("tensor {}.{} has shape {}, expected {} beside its qweight",
                          printable_name(module), part, tensor.shape, shape);
}

}  // namespace

Status Int4Matrix::check_parts(std::string_view module, const Int4Parts& parts) {
  RETURN_IF_ERROR(check_tensor(module, "qweight", parts.qweight, "I32"));
  const std::vector<int64_t>& shape = parts.qweight->shape;
  const bool is_awq = packing_ == Int4Packing::kAwq;
  const int64_t sizes_max = INT32_MAX;
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1 || shape[0] > sizes_max ||
      shape[1] > sizes_max) {
    return invalid_argument("tensor {}.qweight has shape {}, expected a matrix",
                            printable_name(module), shape);
  }
  row_count_ = is_awq ? shape[1] * kNibbles : shape[1];
  column_count_ = is_awq ? shape[0] : shape[0] * kNibbles;
  if (column_count_ % group_ != 0 || row_count_ % kNibbles != 0) {
    return invalid_argument(
        "tensor {}.qweight: {} inputs and {} outputs are not whole groups of {} and words of {}",
        printable_name(module), column_count_, row_count_, group_, kNibbles);
  }
  const int64_t groups = column_count_ / group_;
  RETURN_IF_ERROR(check_tensor(module, "scales", parts.scales, ""));
  RETURN_IF_ERROR(check_shape(module, "scales", *parts.scales, {groups, row_count_}));
  if (parts.qzeros != nullptr) {
    RETURN_IF_ERROR(check_tensor(module, "qzeros", parts.qzeros, "I32"));
    RETURN_IF_ERROR(check_shape(module, "qzeros", *parts.qzeros, {groups, row_count_ / kNibbles}));
  }
  if (parts.g_idx == nullptr) return Status();
  RETURN_IF_ERROR(check_tensor(module, "g_idx", parts.g_idx, "I32"));
  RETURN_IF_ERROR(check_shape(module, "g_idx", *parts.g_idx, {column_count_}));
  for (int64_t k = 0; k < column_count_; ++k) {
    const uint32_t group_index = load_word(parts.g_idx->bytes, static_cast<size_t>(k));
    if (group_index == static_cast<uint32_t>(k / group_)) continue;
    return invalid_argument(
        "tensor {}.g_idx puts input {} into group {}: reordered channels (desc_act) are not read",
        printable_name(module), k, static_cast<int32_t>(group_index));
  }
  return Status();
}

Result<Int4Matrix> Int4Matrix::open(const QuantisationConfig& config, std::string_view module,
                                    const Int4Parts& parts) {
  Int4Matrix matrix;
  matrix.packing_ = config.packing;
  matrix.zeros_are_less_one_ = config.zeros_are_less_one;
  matrix.group_ = config.group_size;
  RETURN_IF_ERROR(matrix.check_parts(module, parts));
  if (parts.qzeros == nullptr && config.has_zeros) {
    return invalid_argument("tensor {}.qzeros is missing", printable_name(module));
  }
  matrix.words_ = parts.qweight->bytes;
  if (parts.qzeros != nullptr) matrix.zeros_ = parts.qzeros->bytes;
  matrix.scales_ = parts.scales->bytes;
  matrix.scale_type_ = *parts.scales->type;
  return matrix;
}

// GPTQ's first format subtracts 1 from all eight nibbles of a word at once, with their borrows: so
// are they given back. Without a borrow that is the same as nibble by nibble.
uint32_t Int4Matrix::zeros_word(size_t group_index, size_t word) const {
  const size_t stride = static_cast<size_t>(row_count_ / kNibbles);
  return load_word(zeros_, group_index * stride + word) + (zeros_are_less_one_ ? 0x11111111u : 0u);
}

int Int4Matrix::zero(size_t group_index, size_t row) const {
  if (zeros_.empty()) return kMiddle;
  const size_t index = packing_ == Int4Packing::kAwq ? kAwqNibble[row % 8] : row % 8;
  return static_cast<int>(nibble(zeros_word(group_index, row / 8), index));
}

bool Int4Matrix::is_symmetric() const {
  if (zeros_.empty()) return true;
  const auto groups = static_cast<size_t>(column_count_ / group_);
  const auto words = static_cast<size_t>(row_count_ / kNibbles);
  for (size_t group_index = 0; group_index < groups; ++group_index) {
    for (size_t word = 0; word < words; ++word) {
      if (zeros_word(group_index, word) != 0x88888888u) return false;
    }
  }
  return true;
}

void Int4Matrix::read_values(size_t first_row, size_t row_count, std::span<uint8_t> out) const {
  const auto columns = static_cast<size_t>(column_count_);
  const auto rows = static_cast<size_t>(row_count_);
  if (packing_ == Int4Packing::kAwq) {
    for (size_t k = 0; k < columns; ++k) {
      for (size_t i = 0; i < row_count; ++i) {
        const size_t row = first_row + i;
        const uint32_t word = load_word(words_, k * (rows / 8) + row / 8);
        out[i * columns + k] = static_cast<uint8_t>(nibble(word, kAwqNibble[row % 8]));
      }
    }
    return;
  }
  for (size_t k = 0; k < columns; k += 8) {
    for (size_t i = 0; i < row_count; ++i) {
      const uint32_t word = load_word(words_, k / 8 * rows + first_row + i);
      for (size_t j = 0; j < 8; ++j) {
        out[i * columns + k + j] = static_cast<uint8_t>(nibble(word, j));
      }
    }
  }
}

void Int4Matrix::read(int64_t first_row, int64_t row_count, bool symmetric,
                      QuantisedRows& out) const {
  const auto first = static_cast<size_t>(first_row);
  const auto count = static_cast<size_t>(row_count);
  const auto columns = static_cast<size_t>(column_count_);
  const size_t groups = columns / static_cast<size_t>(group_);
  out.group = group_;
  out.symmetric = symmetric;
  out.values.resize(count * columns);
  out.scales.resize(count * groups);
  out.offsets.resize(symmetric ? 0 : count * groups);
  read_values(first, count, out.values);
  const auto scale_bytes = static_cast<size_t>(row_bytes(scale_type_, 1));
  std::vector<float> scales(count);
  for (size_t group_index = 0; group_index < groups; ++group_index) {
    const size_t at = group_index * static_cast<size_t>(row_count_) + first;
    dequantize(scale_type_, scales_.subspan(at * scale_bytes, count * scale_bytes), scales);
    for (size_t i = 0; i < count; ++i) {
      out.scales[i * groups + group_index] = scales[i];
      if (symmetric) continue;
      out.offsets[i * groups + group_index] =
          -scales[i] * static_cast<float>(zero(group_index, first + i));
    }
  }
}

}  // namespace puna
