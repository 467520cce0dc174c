// Packing: rows in, panels out; the padding of K and of the last panel is zero.

#include "backend/cpu/packed_matrix.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "backend/cpu/panel_packer.h"
#include "base/float16.h"

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

void quantise_int4(const PackedLayout& layout, std::span<const float> rows,
                   QuantisedPanel& quantised) {
  for (size_t g = 0; g < quantised.scales.size(); ++g) {
    const std::span<const float> weights = rows.subspan(g * layout.group, layout.group);
    float largest = 0;
    for (const float weight : weights) {
      if (std::abs(weight) > std::abs(largest)) largest = weight;
    }
    const float scale = f16_to_f32(f32_to_f16(largest / -8.0F));
    for (size_t i = 0; i < layout.group; ++i) {
      const float value = scale != 0 ? std::nearbyint(weights[i] / scale) : 0.0F;
      quantised.values[g * layout.group + i] =
          static_cast<uint8_t>(static_cast<int>(std::clamp(value, -8.0F, 7.0F)) + 8);
    }
    quantised.scales[g] = scale;
    if (!layout.symmetric) quantised.offsets[g] = -8 * scale;
  }
}

// Packs a panel at a time from the tensors that are stacked.
class Packer {
 public:
  Packer(const WeightSource& source, const PackedLayout& layout,
         std::vector<const TensorInfo*> parts)
      : source_(source), layout_(layout), parts_(std::move(parts)) {}

  Status pack(size_t panel, std::byte* out) const {
    std::vector<float> rows(kPanelColumns * layout_.padded_k());
    RETURN_IF_ERROR(read(panel, rows));
    if (layout_.format == WeightFormat::kF32 || layout_.format == WeightFormat::kBf16) {
      write_panel(layout_, rows, out);
      return Status();
    }
    QuantisedPanel quantised(layout_);
    if (layout_.format == WeightFormat::kInt8) {
      RETURN_IF_ERROR(quantise_int8(layout_, rows, quantised));
    } else {
      quantise_int4(layout_, rows, quantised);
    }
    write_panel(layout_, quantised, out);
    return Status();
  }

 private:
  // The panel's rows of all parts, `padded_k` floats apart.
  Status read(size_t panel, std::span<float> rows) const {
    std::vector<float> read;
    size_t part_begin = 0;
    for (const TensorInfo* part : parts_) {
      const size_t part_end = part_begin + static_cast<size_t>(part->row_count());
      const size_t begin = std::max(part_begin, panel * kPanelColumns);
      const size_t end = std::min(part_end, (panel + 1) * kPanelColumns);
      if (begin < end) {
        read.resize((end - begin) * layout_.k);
        RETURN_IF_ERROR(source_.read_rows(part->name, static_cast<int64_t>(begin - part_begin),
                                          static_cast<int64_t>(end - begin), read));
        for (size_t row = begin; row < end; ++row) {
          std::copy_n(read.data() + (row - begin) * layout_.k, layout_.k,
                      rows.data() + (row - panel * kPanelColumns) * layout_.padded_k());
        }
      }
      part_begin = part_end;
    }
    return Status();
  }

  const WeightSource& source_;
  const PackedLayout& layout_;
  const std::vector<const TensorInfo*> parts_;
};

}  // namespace

Result<PackedMatrix> PackedMatrix::pack(const WeightSource& source, const PackRequest& request,
                                        ThreadPool& pool) {
  PackedMatrix matrix;
  matrix.layout_.format = request.format;
  std::vector<const TensorInfo*> parts;
  for (const std::string& name : request.weights) {
    const TensorInfo* part = source.find(name);
    if (part == nullptr) return error(StatusCode::kNotFound, "{}: no such tensor", name);
    parts.push_back(part);
    matrix.layout_.k = static_cast<size_t>(part->column_count());
    matrix.layout_.column_count += static_cast<size_t>(part->row_count());
  }
  matrix.layout_.group = choose_group(matrix.layout_.k, request.group_max);
  const PackedLayout& layout = matrix.layout_;
  ASSIGN_OR_RETURN(matrix.memory_, PageMemory::allocate(layout.bytes(), request.weights.front()));
  const Packer packer(source, layout, std::move(parts));
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
    RETURN_IF_ERROR(source.read_rows(name, 0, 1, std::span(bias_).subspan(first, size)));
    first += size;
  }
  return Status();
}

void PackedMatrix::unpack_column(size_t column, float* out) const {
  const std::byte* const panel = panels() + column / kPanelColumns * layout_.panel_bytes();
  read_column(layout_, panel, column % kPanelColumns, out);
}

}  // namespace puna
