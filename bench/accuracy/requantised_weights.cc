// Rows are quantised when they are read.

#include "requantised_weights.h"

#include <utility>

#include "quantise/int4_quantiser.h"

namespace puna {
namespace {

bool is_linear_layer(std::string_view name) { return name.ends_with("_proj.weight"); }

}  // namespace

RequantisedWeights::RequantisedWeights(std::shared_ptr<const WeightSource> base, Requantisation how)
    : ForwardingWeights(std::move(base)), how_(std::move(how)) {}

std::optional<QuantisedLayout> RequantisedWeights::quantised_layout(std::string_view name) const {
  const TensorInfo* tensor = find(name);
  if (tensor == nullptr || !is_linear_layer(name)) return std::nullopt;
  int group = how_.group;
  while (tensor->column_count() % group != 0 && group > 8) group /= 2;
  return QuantisedLayout{.group = group, .symmetric = how_.symmetric};
}

Status RequantisedWeights::read_quantised_rows(std::string_view name, int64_t first_row,
                                               int64_t row_count, QuantisedRows& out) const {
  const auto layout = quantised_layout(name);
  if (!layout) return invalid_argument("tensor {} is no linear layer", name);
  const auto rows = static_cast<size_t>(row_count);
  const auto columns = static_cast<size_t>(find(name)->column_count());
  const auto group = static_cast<size_t>(layout->group);
  const size_t groups = columns / group;
  std::vector<float> weights(rows * columns);
  RETURN_IF_ERROR(base().read_rows(name, first_row, row_count, weights));
  out.group = layout->group;
  out.symmetric = layout->symmetric;
  out.values.resize(weights.size());
  out.scales.resize(rows * groups);
  out.offsets.resize(layout->symmetric ? 0 : rows * groups);
  const auto importance =
      how_.importance == nullptr ? std::span<const float>() : how_.importance->of(name);
  for (size_t row = 0; row < rows; ++row) {
    const auto values = std::span(out.values).subspan(row * columns, columns);
    const auto scales = std::span(out.scales).subspan(row * groups, groups);
    const auto offsets = layout->symmetric ? std::span<float>()
                                           : std::span(out.offsets).subspan(row * groups, groups);
    const auto one = std::span<const float>(weights).subspan(row * columns, columns);
    if (how_.rounding == Rounding::kNearest) {
      round_int4_row(one, group, layout->symmetric, values, scales, offsets);
    } else {
      quantise_int4_row(one, importance, group, layout->symmetric, values, scales, offsets);
    }
  }
  return Status();
}

Status RequantisedWeights::read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                                     std::span<float> out) const {
  if (!quantised_layout(name)) return base().read_rows(name, first_row, row_count, out);
  RETURN_IF_ERROR(check_rows(*find(name), first_row, row_count, out.size()));
  QuantisedRows rows;
  RETURN_IF_ERROR(read_quantised_rows(name, first_row, row_count, rows));
  const auto group = static_cast<size_t>(rows.group);
  for (size_t i = 0; i < out.size(); ++i) {
    const float scale = rows.scales[i / group];
    const float offset = rows.symmetric ? -8 * scale : rows.offsets[i / group];
    out[i] = scale * static_cast<float>(rows.values[i]) + offset;
  }
  return Status();
}

std::optional<Int8Layout> RequantisedWeights::int8_layout(std::string_view name) const {
  return is_linear_layer(name) ? std::nullopt : base().int8_layout(name);
}

}  // namespace puna
