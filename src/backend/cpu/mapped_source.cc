// Metadata and shapes of the entries of a packed weight file.

#include "backend/cpu/mapped_source.h"

#include <cstring>
#include <optional>
#include <type_traits>

namespace puna {
namespace {

// What the tensors of the checkpoint stack up to, in a format that the file may choose.
Result<PackedLayout> shape_of(const WeightSource& checkpoint, const StackedTensors& tensors) {
  PackedLayout layout;
  for (const std::string& name : tensors.weights) {
    const TensorInfo* info = checkpoint.find(name);
    if (info == nullptr) return error(StatusCode::kNotFound, "{}: no such tensor", name);
    layout.column_count += static_cast<size_t>(info->row_count());
    layout.k = static_cast<size_t>(info->column_count());
  }
  return layout;
}

Json metadata_of(const PackedLayout& layout) {
  return {{"format", describe(layout.format)},
          {"columns", layout.column_count},
          {"k", layout.k},
          {"group", layout.group},
          {"symmetric", layout.symmetric},
          {"rotated", layout.rotated}};
}

// A number or a truth of the metadata; nothing when it is not there or of another kind.
template <class T>
std::optional<T> field(const Json& metadata, const char* name) {
  const auto found = metadata.find(name);
  if (found == metadata.end()) return std::nullopt;
  if constexpr (std::is_same_v<T, bool>) {
    return found->is_boolean() ? std::optional(found->get<bool>()) : std::nullopt;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
  } else {
    return found->is_number_unsigned() ? std::optional(found->get<T>()) : std::nullopt;
  }
}

// The layout with this shape that the metadata describes; kDataLoss when it describes another.
Result<PackedLayout> parse_metadata(const Json& metadata, PackedLayout layout) {
  const auto format = parse_weight_format(field<std::string>(metadata, "format").value_or(""));
  const auto group = field<size_t>(metadata, "group").value_or(0);
  if (format && (group == 32 || group == 64 || group == kGroupMax)) {
    layout.format = *format;
    layout.group = group;
    layout.symmetric = field<bool>(metadata, "symmetric").value_or(layout.symmetric);
    layout.rotated = field<bool>(metadata, "rotated").value_or(layout.rotated);
    if (metadata_of(layout) == metadata) return layout;  // columns and k too, and nothing else
  }
  return error(StatusCode::kDataLoss, "{}, expected {} x {}", dump_json(metadata),
               layout.column_count, layout.k);
}

}  // namespace

Result<PackedMatrix> WritingSource::matrix(const StackedTensors& tensors) {
  ASSIGN_OR_RETURN(const PackedMatrix packed, packing_.matrix(tensors));
  RETURN_IF_ERROR(
      writer_.add(tensors.name, metadata_of(packed.layout()), {packed.panels(), packed.bytes()}));
  if (!packed.biases().empty()) {
    RETURN_IF_ERROR(
        writer_.add(tensors.name + ".bias", Json::object(), std::as_bytes(packed.biases())));
  }
  progress_.add(static_cast<int64_t>(packed.bytes()));
  return PackedMatrix();
}

Result<std::vector<float>> WritingSource::norm(const std::string& tensor) {
  ASSIGN_OR_RETURN(const std::vector<float> norm, packing_.norm(tensor));
  RETURN_IF_ERROR(writer_.add(tensor, Json::object(), std::as_bytes(std::span(norm))));
  return std::vector<float>();
}

Result<PackedMatrix> MappedSource::matrix(const StackedTensors& tensors) {
  auto found = find(tensors);
  if (!found.ok()) return found.status().with_context(tensors.name);
  return found;
}

Result<PackedMatrix> MappedSource::find(const StackedTensors& tensors) const {
  ASSIGN_OR_RETURN(const PackedLayout shape, shape_of(checkpoint_, tensors));
  const PackedEntry* const entry = memory_.file().find(tensors.name);
  if (entry == nullptr) return error(StatusCode::kDataLoss, "no such entry");
  ASSIGN_OR_RETURN(const PackedLayout layout, parse_metadata(entry->metadata, shape));
  std::vector<float> bias;
  if (!tensors.biases.empty()) {
    ASSIGN_OR_RETURN(bias, floats(tensors.name + ".bias"));
  }
  return PackedMatrix::view(layout, memory_.bytes_of(*entry), std::move(bias));
}

Result<std::vector<float>> MappedSource::norm(const std::string& tensor) {
  const TensorInfo* info = checkpoint_.find(tensor);
  if (info == nullptr) return error(StatusCode::kNotFound, "{}: no such tensor", tensor);
  ASSIGN_OR_RETURN(std::vector<float> norm, floats(tensor));
  const size_t expected = padded(static_cast<size_t>(info->column_count()), kGroupMax);
  if (norm.size() == expected) return norm;
  return error(StatusCode::kDataLoss, "{}: {} values, expected {}", tensor, norm.size(), expected);
}

Result<std::vector<float>> MappedSource::floats(const std::string& name) const {
  const PackedEntry* const entry = memory_.file().find(name);
  if (entry == nullptr) return error(StatusCode::kDataLoss, "no entry {}", name);
  std::vector<float> values(entry->bytes / sizeof(float));
  if (!values.empty()) {
    std::memcpy(values.data(), memory_.bytes_of(*entry).data(), values.size() * sizeof(float));
  }
  return values;
}

}  // namespace puna
