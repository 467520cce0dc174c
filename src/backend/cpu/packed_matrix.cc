// Packing: rows in, panels out; the padding of K and of the last panel is zero.

#include "backend/cpu/packed_matrix.h"

#include <algorithm>
#include <mutex>
#include <string_view>

#include "backend/cpu/panel_packer.h"
#include "backend/cpu/weight_checks.h"
#include "quantise/int4_quantiser.h"

namespace puna {
namespace {

// The first error of many threads.
class FirstError {
 public:
  void add(const Status& status) {
    if (status.ok()) return;
    const std::lock_guard lock(mutex_);
    if (status_.ok()) status_ = status;
  }
  Status take() {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  std::mutex mutex_;
  Status status_;
};

// The weights of one panel, [kPanelColumns, padded_k], by `importance` [padded_k] or none.
void quantise_int4(const PackedLayout& layout, std::span<const float> rows,
                   std::span<const float> importance, QuantisedPanel& quantised) {
  const size_t k = layout.padded_k();
  const size_t groups = layout.group_count();
  for (size_t column = 0; column < kPanelColumns; ++column) {
    const std::span<const float> weights = rows.subspan(column * k, k);
    const auto offsets = std::span(quantised.offsets);
    quantise_int4_row(weights, importance, layout.group, layout.symmetric,
                      std::span(quantised.values).subspan(column * k, k),
                      std::span(quantised.scales).subspan(column * groups, groups),
                      layout.symmetric ? offsets : offsets.subspan(column * groups, groups));
  }
}

// The tensors of a matrix and what becomes of them.
struct Packing {
  std::vector<const TensorInfo*> parts;
  PackedLayout layout;
  bool takes_values = false;      // over from the checkpoint, which has them in this very format
  std::vector<float> importance;  // [padded_k], or none
};

// Packs a panel at a time from the tensors that are stacked.
class Packer {
 public:
  Packer(const WeightSource& source, const Packing& packing)
      : source_(source), packing_(packing), layout_(packing.layout) {}

  Status pack(size_t panel, std::byte* out) const {
    if (layout_.format == WeightFormat::kF32 || layout_.format == WeightFormat::kBf16) {
      ASSIGN_OR_RETURN(const std::vector<float> rows, read_rows(panel));
      write_panel(layout_, rows, out);
      return Status();
    }
    QuantisedPanel quantised(layout_);
    if (packing_.takes_values) {
      RETURN_IF_ERROR(take_values(panel, quantised));
    } else {
      ASSIGN_OR_RETURN(const std::vector<float> rows, read_rows(panel));
      if (layout_.format == WeightFormat::kInt8) {
        quantise_int8(layout_, rows, quantised);
      } else {
        quantise_int4(layout_, rows, packing_.importance, quantised);
      }
    }
    write_panel(layout_, quantised, out);
    return Status();
  }

 private:
  // Calls read(part, first row of the part, row count, first row of the panel) for each part that
  // the panel has rows of.
  template <class Read>
  Status for_each_part(size_t panel, const Read& read) const {
    const size_t panel_begin = panel * kPanelColumns;
    size_t part_begin = 0;
    for (const TensorInfo* part : packing_.parts) {
      const size_t part_end = part_begin + static_cast<size_t>(part->row_count());
      const size_t begin = std::max(part_begin, panel_begin);
      const size_t end = std::min(part_end, panel_begin + kPanelColumns);
      if (begin < end) {
        RETURN_IF_ERROR(read(part->name, begin - part_begin, end - begin, begin - panel_begin));
      }
      part_begin = part_end;
    }
    return Status();
  }

  Result<std::vector<float>> read_rows(size_t panel) const {
    std::vector<float> rows(kPanelColumns * layout_.padded_k());
    std::vector<float> read(kPanelColumns * layout_.k);
    const auto read_part = [&](const std::string& name, size_t first, size_t count,
                               size_t to) -> Status {
      const auto values = std::span(read).subspan(0, count * layout_.k);
      RETURN_IF_ERROR(source_.read_rows(name, static_cast<int64_t>(first),
                                        static_cast<int64_t>(count), values));
      RETURN_IF_ERROR(check_weights(
          {.tensor = name, .what = "weight", .first_row = first, .row_size = layout_.k}, values,
          layout_.format));
      for (size_t row = 0; row < count; ++row) {
        std::copy_n(&read[row * layout_.k], layout_.k, &rows[(to + row) * layout_.padded_k()]);
      }
      return Status();
    };
    RETURN_IF_ERROR(for_each_part(panel, read_part));
    return rows;
  }

  Status take_values(size_t panel, QuantisedPanel& quantised) const {
    return for_each_part(
        panel, [&](const std::string& name, size_t first, size_t count, size_t to) -> Status {
          return layout_.format == WeightFormat::kInt8
                     ? take_int8(name, first, count, to, quantised)
                     : take_int4(name, first, count, to, quantised);
        });
  }

  Status take_int8(const std::string& name, size_t first, size_t count, size_t to,
                   QuantisedPanel& quantised) const {
    Int8Rows rows;
    RETURN_IF_ERROR(source_.read_int8_rows(name, static_cast<int64_t>(first),
                                           static_cast<int64_t>(count), rows));
    RETURN_IF_ERROR(round_to_f16(groups_of(name, "scale", first), rows.scales));
    std::transform(rows.values.begin(), rows.values.end(),
                   quantised.values.begin() + static_cast<ptrdiff_t>(to * layout_.k),
                   [](int8_t value) { return static_cast<uint8_t>(value + 128); });
    std::copy(rows.scales.begin(), rows.scales.end(),
              &quantised.scales[to * layout_.group_count()]);
    return Status();
  }

  Status take_int4(const std::string& name, size_t first, size_t count, size_t to,
                   QuantisedPanel& quantised) const {
    QuantisedRows rows;
    RETURN_IF_ERROR(source_.read_quantised_rows(name, static_cast<int64_t>(first),
                                                static_cast<int64_t>(count), rows));
    const size_t groups = layout_.group_count();
    if (!layout_.symmetric && rows.symmetric) {
      rows.offsets.resize(rows.scales.size());
      std::transform(rows.scales.begin(), rows.scales.end(), rows.offsets.begin(),
                     [](float scale) { return -8 * scale; });
    }
    RETURN_IF_ERROR(round_to_f16(groups_of(name, "scale", first), rows.scales));
    std::copy(rows.values.begin(), rows.values.end(), &quantised.values[to * layout_.k]);
    std::copy(rows.scales.begin(), rows.scales.end(), &quantised.scales[to * groups]);
    if (layout_.symmetric) return Status();
    RETURN_IF_ERROR(round_to_f16(groups_of(name, "offset", first), rows.offsets));
    std::copy(rows.offsets.begin(), rows.offsets.end(), &quantised.offsets[to * groups]);
    return Status();
  }

  TensorPart groups_of(std::string_view name, std::string_view what, size_t first_row) const {
    return {
        .tensor = name, .what = what, .first_row = first_row, .row_size = layout_.group_count()};
  }

  const WeightSource& source_;
  const Packing& packing_;
  const PackedLayout& layout_;
};

Result<Packing> plan_packing(const WeightSource& source, const PackRequest& request) {
  Packing packing;
  packing.layout.format = request.format;
  for (const std::string& name : request.weights) {
    const TensorInfo* part = source.find(name);
    if (part == nullptr) return error(StatusCode::kNotFound, "{}: no such tensor", name);
    packing.parts.push_back(part);
    packing.layout.k = static_cast<size_t>(part->column_count());
    packing.layout.column_count += static_cast<size_t>(part->row_count());
  }
  const HeldMatrix held =
      held_matrix(source, request.weights, request.format, static_cast<int>(request.group_max));
  packing.takes_values = held.takes_values;
  packing.layout.group = static_cast<size_t>(held.group);
  packing.layout.symmetric = held.symmetric;
  // Values of the checkpoint stay as they are, and the search for int4 values knows the importance
  // of single inputs.
  packing.layout.rotated = held.format == WeightFormat::kInt8 && !held.takes_values;
  if (!request.importance.empty()) {
    packing.importance.assign(request.importance.begin(), request.importance.end());
    packing.importance.resize(packing.layout.padded_k());
  }
  return packing;
}

}  // namespace

Result<PackedMatrix> PackedMatrix::view(const PackedLayout& layout,
                                        std::span<const std::byte> panels,
                                        std::vector<float> bias) {
  if (panels.size() != layout.bytes()) {
    return error(StatusCode::kDataLoss, "{} x {} weights as {} in {} bytes, expected {}",
                 layout.column_count, layout.k, describe(layout.format), panels.size(),
                 layout.bytes());
  }
  if (!bias.empty() && bias.size() != padded(layout.column_count, kPanelColumns)) {
    return error(StatusCode::kDataLoss, "{} biases of {} outputs", bias.size(),
                 layout.column_count);
  }
  PackedMatrix matrix;
  matrix.layout_ = layout;
  matrix.panels_ = panels.data();
  matrix.bias_ = std::move(bias);
  return matrix;
}

Result<PackedMatrix> PackedMatrix::pack(const WeightSource& source, const PackRequest& request,
                                        ThreadPool& pool) {
  ASSIGN_OR_RETURN(const Packing packing, plan_packing(source, request));
  PackedMatrix matrix;
  matrix.layout_ = packing.layout;
  const PackedLayout& layout = matrix.layout_;
  ASSIGN_OR_RETURN(matrix.memory_, PageMemory::allocate(layout.bytes(), request.weights.front()));
  matrix.panels_ = matrix.memory_.data();
  const Packer packer(source, packing);
  FirstError first_error;
  pool.parallel_for(layout.panel_count(), 1, [&](size_t first, size_t last) {
    for (size_t panel = first; panel < last; ++panel) {
      first_error.add(packer.pack(panel, matrix.memory_.data() + panel * layout.panel_bytes()));
    }
  });
  RETURN_IF_ERROR(first_error.take());
  RETURN_IF_ERROR(matrix.read_bias(source, request.biases));
  return matrix;
}

Status PackedMatrix::read_bias(const WeightSource& source, const std::vector<std::string>& names) {
  if (names.empty()) return Status();
  bias_.resize(padded(layout_.column_count, kPanelColumns));
  size_t first = 0;
  for (const std::string& name : names) {
    const TensorInfo* part = source.find(name);
    if (part == nullptr) return error(StatusCode::kNotFound, "{}: no such tensor", name);
    const auto size = static_cast<size_t>(part->column_count());
    if (first + size > layout_.column_count) {
      return invalid_argument("{}: {} values, more than the weights have rows", name, size);
    }
    const auto values = std::span(bias_).subspan(first, size);
    RETURN_IF_ERROR(source.read_rows(name, 0, 1, values));
    RETURN_IF_ERROR(check_are_numbers(
        {.tensor = name, .what = "bias", .first_row = 0, .row_size = size}, values));
    first += size;
  }
  return Status();
}

void PackedMatrix::unpack_column(size_t column, float* out) const {
  const std::byte* const panel = panels() + column / kPanelColumns * layout_.panel_bytes();
  read_column(layout_, panel, column % kPanelColumns, out);
}

}  // namespace puna
