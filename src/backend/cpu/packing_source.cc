// Choices as text, and packing by model_sizes.h.

#include "backend/cpu/packing_source.h"

#include "backend/cpu/weight_checks.h"

namespace puna {
namespace {

bool is_outer(const StackedTensors& tensors) {
  return tensors.name == kEmbeddingName || tensors.name == kHeadName;
}

}  // namespace

std::string describe(const WeightChoice& choice) {
  if (!has_groups(choice.format)) return std::string(describe(choice.format));
  return fmt::format("{} group {}", describe(choice.format), choice.group_max);
}

std::optional<WeightChoice> parse_weight_choice(std::string_view text) {
  for (const auto format :
       {WeightFormat::kF32, WeightFormat::kBf16, WeightFormat::kInt8, WeightFormat::kInt4}) {
    for (const size_t group : {size_t{32}, size_t{64}, kGroupMax}) {
      const WeightChoice choice = {.format = format, .group_max = group};
      if (describe(choice) == text) return choice;
    }
  }
  return std::nullopt;
}

Result<PackedMatrix> PackingSource::matrix(const StackedTensors& tensors) {
  return PackedMatrix::pack(
      source_,
      {.weights = tensors.weights,
       .biases = tensors.biases,
       .format = held_format(source_, tensors.weights, is_outer(tensors), choice_.format),
       .group_max = choice_.group_max,
       .importance = importance_.of(tensors.weights.front())},  // stacked tensors share an input
      pool_);
}

// Padded with zeros, so that padding stays zero through a norm.
Result<std::vector<float>> PackingSource::norm(const std::string& tensor) {
  const TensorInfo* info = source_.find(tensor);
  if (info == nullptr) return error(StatusCode::kNotFound, "{}: no such tensor", tensor);
  const auto size = static_cast<size_t>(info->column_count());
  std::vector<float> norm(padded(size, kGroupMax));
  const auto values = std::span(norm).subspan(0, size);
  RETURN_IF_ERROR(source_.read_rows(tensor, 0, 1, values));
  RETURN_IF_ERROR(check_are_numbers(
      {.tensor = tensor, .what = "weight", .first_row = 0, .row_size = size}, values));
  return norm;
}

}  // namespace puna
