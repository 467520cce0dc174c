// Which format each matrix gets, and packing it.

#include "backend/cpu/packing_source.h"

#include <algorithm>

#include "backend/cpu/weight_checks.h"

namespace puna {
namespace {

// Of a tensor that the checkpoint holds quantised; one that it does not is for us to quantise.
bool has_more_than_4_bits(const WeightSource& source, const std::string& name) {
  const TensorInfo* tensor = source.find(name);
  return tensor != nullptr && is_quantised(tensor->type) && !source.quantised_layout(name);
}

PackRequest request_for(const WeightSource& source, const WeightChoice& choice,
                        const StackedTensors& tensors) {
  PackRequest request = {.weights = tensors.weights,
                         .biases = tensors.biases,
                         .format = choice.format,
                         .group_max = choice.group_max};
  if (choice.format != WeightFormat::kInt4) return request;
  // Four bits cost the embedding and the head more accuracy than they save time, and quantised
  // files keep in more bits what four would hurt most.
  const bool is_outer = tensors.name == kEmbeddingName || tensors.name == kHeadName;
  const bool needs_more =
      std::any_of(tensors.weights.begin(), tensors.weights.end(),
                  [&](const std::string& name) { return has_more_than_4_bits(source, name); });
  if (is_outer || needs_more) request.format = WeightFormat::kInt8;
  return request;
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
  PackRequest request = request_for(source_, choice_, tensors);
  request.importance = importance_.of(tensors.weights.front());  // stacked tensors share an input
  return PackedMatrix::pack(source_, request, pool_);
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

Result<PackedMatrix> CountingSource::matrix(const StackedTensors& tensors) {
  ASSIGN_OR_RETURN(const PackedLayout layout,
                   PackedMatrix::plan(source_, request_for(source_, choice_, tensors)));
  bytes_ += static_cast<int64_t>(layout.bytes());
  quantises_to_int4_ = quantises_to_int4_ || (layout.format == WeightFormat::kInt4 &&
                                              !source_.quantised_layout(tensors.weights.front()));
  return PackedMatrix();
}

Result<std::vector<float>> CountingSource::norm(const std::string&) { return std::vector<float>(); }

}  // namespace puna
