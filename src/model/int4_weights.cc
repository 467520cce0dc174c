// Which stored tensors make up a packed layer, and its rows.

#include "model/int4_weights.h"

#include <algorithm>
#include <utility>

#include "model/model_folder.h"

namespace puna {
namespace {

constexpr std::string_view kPacked = ".qweight";

bool is_part(std::string_view name) {
  return name.ends_with(kPacked) || name.ends_with(".qzeros") || name.ends_with(".scales") ||
         name.ends_with(".g_idx");
}

}  // namespace

bool Int4Weights::Matrix::is_symmetric() const {
  if (symmetry == Symmetry::kUnknown) {
    symmetry = matrix.is_symmetric() ? Symmetry::kYes : Symmetry::kNo;
  }
  return symmetry == Symmetry::kYes;
}

Status Int4Weights::add_matrix(std::string_view module, const QuantisationConfig& quantisation) {
  const auto part = [&](std::string_view name) {
    return stored_->find_stored(fmt::format("{}.{}", module, name));
  };
  const Int4Parts parts = {.qweight = part("qweight"),
                           .qzeros = part("qzeros"),
                           .scales = part("scales"),
                           .g_idx = part("g_idx")};
  ASSIGN_OR_RETURN(const Int4Matrix opened, Int4Matrix::open(quantisation, module, parts));
  auto matrix = std::make_unique<Matrix>();
  matrix->matrix = opened;
  matrix->info = {
      .name = fmt::format("{}.weight", module),
      .type = quantisation.packing == Int4Packing::kAwq ? TensorType::kAwq : TensorType::kGptq,
      .shape = {opened.row_count(), opened.column_count()}};
  if (stored_->find(matrix->info.name) != nullptr) {
    return invalid_argument("tensor {} is there packed and unpacked",
                            printable_name(matrix->info.name));
  }
  infos_.push_back(&matrix->info);
  matrices_.emplace(matrix->info.name, std::move(matrix));
  return Status();
}

// A bias that the config knows nothing of must be all zeros.
Status Int4Weights::check_bias(const TensorInfo& bias, std::string_view module,
                               const LlamaConfig& config, bool& keep) const {
  const bool in_mlp = module.find(".mlp.") != std::string_view::npos;
  keep = in_mlp ? config.mlp_bias : config.attention_bias;
  if (keep || bias.shape.size() != 1) return Status();
  std::vector<float> values(static_cast<size_t>(bias.column_count()));
  RETURN_IF_ERROR(stored_->read_rows(bias.name, 0, 1, values));
  if (std::ranges::all_of(values, [](float value) { return value == 0; })) return Status();
  return invalid_argument("tensor {} is not zero, but config.json says that there is no {}",
                          printable_name(bias.name), in_mlp ? "mlp_bias" : "attention_bias");
}

Result<std::shared_ptr<const Int4Weights>> Int4Weights::open(
    std::shared_ptr<const SafetensorsWeights> stored, const QuantisationConfig& quantisation,
    const LlamaConfig& config) {
  auto weights = std::make_shared<Int4Weights>();
  weights->stored_ = std::move(stored);
  for (const SafetensorsTensor* tensor : weights->stored_->stored_tensors()) {
    const std::string_view name = tensor->name;
    if (name.ends_with(kPacked)) {
      RETURN_IF_ERROR(
          weights->add_matrix(name.substr(0, name.size() - kPacked.size()), quantisation));
      continue;
    }
    const TensorInfo* info = weights->stored_->find(name);
    if (info == nullptr || is_part(name)) continue;
    bool keep = true;
    const std::string_view module = name.substr(0, name.rfind('.'));
    if (name.ends_with(".bias") &&
        weights->stored_->find_stored(fmt::format("{}{}", module, kPacked)) != nullptr) {
      RETURN_IF_ERROR(weights->check_bias(*info, module, config, keep));
    }
    if (keep) weights->infos_.push_back(info);
  }
  if (weights->matrices_.empty()) {
    return invalid_argument(
        "quantization_config says {}, but no tensor is packed so (MODULE.qweight)",
        describe(quantisation));
  }
  for (const TensorInfo* info : weights->infos_) weights->by_name_.emplace(info->name, info);
  return std::shared_ptr<const Int4Weights>(std::move(weights));
}

const TensorInfo* Int4Weights::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

Status Int4Weights::read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                              std::span<float> out) const {
  const auto found = matrices_.find(name);
  if (found == matrices_.end()) return stored_->read_rows(name, first_row, row_count, out);
  const Matrix& one = *found->second;
  RETURN_IF_ERROR(check_rows(one.info, first_row, row_count, out.size()));
  QuantisedRows rows;
  one.matrix.read(first_row, row_count, false, rows);
  const auto group = static_cast<size_t>(rows.group);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = rows.scales[i / group] * static_cast<float>(rows.values[i]) + rows.offsets[i / group];
  }
  return Status();
}

std::optional<QuantisedLayout> Int4Weights::quantised_layout(std::string_view name) const {
  const auto found = matrices_.find(name);
  if (found == matrices_.end()) return std::nullopt;
  const Matrix& one = *found->second;
  return QuantisedLayout{.group = one.matrix.group(), .symmetric = one.is_symmetric()};
}

Status Int4Weights::read_quantised_rows(std::string_view name, int64_t first_row, int64_t row_count,
                                        QuantisedRows& out) const {
  const auto found = matrices_.find(name);
  if (found == matrices_.end()) {
    return invalid_argument("tensor {} is not a matrix stored in 4 bits", name);
  }
  const Matrix& one = *found->second;
  RETURN_IF_ERROR(check_row_range(one.info, first_row, row_count));
  one.matrix.read(first_row, row_count, one.is_symmetric(), out);
  return Status();
}

}  // namespace puna
