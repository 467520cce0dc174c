// Packing: rows in, panels of 64 columns out; the padding of K and of the last panel is zero.

#include "backend/cpu/packed_matrix.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/float16.h"

namespace puna {
namespace {

size_t panel_bytes(WeightFormat format, size_t k) {
  switch (format) {
    case WeightFormat::kF32:
      return k * kPanelColumns * sizeof(float);
    case WeightFormat::kBf16:
      return k * kPanelColumns * sizeof(uint16_t);
    case WeightFormat::kInt8:
      return k / kGroup * sizeof(Int8PanelGroup);
  }
  check_failed(__FILE__, __LINE__, "format", "a WeightFormat that does not exist");
}

// `rows` is [kPanelColumns, k], k padded.
void pack_f32(const float* rows, size_t k, float* panel) {
  for (size_t i = 0; i < k; ++i) {
    for (size_t column = 0; column < kPanelColumns; ++column) {
      panel[i * kPanelColumns + column] = rows[column * k + i];
    }
  }
}

void pack_bf16(const float* rows, size_t k, uint16_t* panel) {
  for (size_t i = 0; i < k; ++i) {
    for (size_t column = 0; column < kPanelColumns; ++column) {
      const size_t pair = i / 2 * kPanelColumns + column;
      panel[2 * pair + i % 2] = f32_to_bf16(rows[column * k + i]);
    }
  }
}

// The scale is rounded to bf16 first and the values by the rounded scale, so that its rounding
// costs no accuracy; rounding it down may need 128, which is cut to 127.
void pack_int8_group(const float* weights, size_t column, Int8PanelGroup& group) {
  float largest = 0;
  for (size_t i = 0; i < kGroup; ++i) largest = std::max(largest, std::abs(weights[i]));
  group.scales[column] = f32_to_bf16(largest / 127.0F);
  const float scale = bf16_to_f32(group.scales[column]);
  for (size_t i = 0; i < kGroup; ++i) {
    const float value = scale > 0 ? std::nearbyint(weights[i] / scale) : 0.0F;
    const float cut = std::clamp(value, -127.0F, 127.0F);
    group.values[i / 4][column][i % 4] = static_cast<uint8_t>(static_cast<int>(cut) + 128);
  }
}

void pack_int8(const float* rows, size_t k, Int8PanelGroup* panel) {
  for (size_t g = 0; g < k / kGroup; ++g) {
    for (size_t column = 0; column < kPanelColumns; ++column) {
      pack_int8_group(rows + column * k + g * kGroup, column, panel[g]);
    }
  }
}

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

}  // namespace

double bytes_per_weight(WeightFormat format) {
  constexpr double kPerPanelGroup = kGroup * kPanelColumns;
  return static_cast<double>(panel_bytes(format, kGroup)) / kPerPanelGroup;
}

Result<PackedMatrix> PackedMatrix::pack(const WeightSource& source, WeightFormat format,
                                        const std::vector<std::string>& weights,
                                        const std::vector<std::string>& biases, ThreadPool& pool) {
  PackedMatrix matrix;
  matrix.format_ = format;
  std::vector<const TensorInfo*> parts;
  for (const std::string& name : weights) {
    const TensorInfo* part = source.find(name);
    if (part == nullptr) return error(StatusCode::kNotFound, "{}: no such tensor", name);
    parts.push_back(part);
    matrix.k_ = static_cast<size_t>(part->column_count());
    matrix.column_count_ += static_cast<size_t>(part->row_count());
  }
  const size_t size = matrix.panel_count() * panel_bytes(format, matrix.padded_k());
  ASSIGN_OR_RETURN(matrix.memory_, PageMemory::allocate(size, weights.front()));
  FirstError first_error;
  pool.parallel_for(matrix.panel_count(), 1, [&](size_t first, size_t last) {
    for (size_t panel = first; panel < last; ++panel) {
      first_error.add(matrix.pack_panel(source, parts, panel));
    }
  });
  RETURN_IF_ERROR(first_error.take());
  RETURN_IF_ERROR(matrix.read_bias(source, biases));
  return matrix;
}

Status PackedMatrix::pack_panel(const WeightSource& source,
                                const std::vector<const TensorInfo*>& parts, size_t panel) {
  const size_t k = padded_k();
  std::vector<float> rows(kPanelColumns * k);
  std::vector<float> read;
  size_t part_begin = 0;
  for (const TensorInfo* part : parts) {
    const size_t part_end = part_begin + static_cast<size_t>(part->row_count());
    const size_t begin = std::max(part_begin, panel * kPanelColumns);
    const size_t end = std::min(part_end, (panel + 1) * kPanelColumns);
    if (begin < end) {
      read.resize((end - begin) * k_);
      RETURN_IF_ERROR(source.read_rows(part->name, static_cast<int64_t>(begin - part_begin),
                                       static_cast<int64_t>(end - begin), read));
      for (size_t row = begin; row < end; ++row) {
        const float* from = read.data() + (row - begin) * k_;
        std::copy(from, from + k_, rows.data() + (row - panel * kPanelColumns) * k);
      }
    }
    part_begin = part_end;
  }
  std::byte* const out = memory_.data() + panel * panel_bytes(format_, k);
  switch (format_) {
    case WeightFormat::kF32:
      pack_f32(rows.data(), k, reinterpret_cast<float*>(out));
      break;
    case WeightFormat::kBf16:
      pack_bf16(rows.data(), k, reinterpret_cast<uint16_t*>(out));
      break;
    case WeightFormat::kInt8:
      pack_int8(rows.data(), k, reinterpret_cast<Int8PanelGroup*>(out));
      break;
  }
  return Status();
}

Status PackedMatrix::read_bias(const WeightSource& source, const std::vector<std::string>& names) {
  if (names.empty()) return Status();
  bias_.resize(padded(column_count_, kPanelColumns));
  size_t first = 0;
  for (const std::string& name : names) {
    const TensorInfo* part = source.find(name);
    if (part == nullptr) return error(StatusCode::kNotFound, "{}: no such tensor", name);
    const auto size = static_cast<size_t>(part->column_count());
    if (first + size > column_count_) {
      return invalid_argument("{}: {} values, more than the weights have rows", name, size);
    }
    RETURN_IF_ERROR(source.read_rows(name, 0, 1, std::span(bias_).subspan(first, size)));
    first += size;
  }
  return Status();
}

void PackedMatrix::unpack_column(size_t column, float* out) const {
  const size_t k = padded_k();
  const std::byte* panel = memory_.data() + column / kPanelColumns * panel_bytes(format_, k);
  const size_t lane = column % kPanelColumns;
  for (size_t i = 0; i < k_; ++i) {
    switch (format_) {
      case WeightFormat::kF32:
        out[i] = reinterpret_cast<const float*>(panel)[i * kPanelColumns + lane];
        break;
      case WeightFormat::kBf16: {
        const size_t pair = i / 2 * kPanelColumns + lane;
        out[i] = bf16_to_f32(reinterpret_cast<const uint16_t*>(panel)[2 * pair + i % 2]);
        break;
      }
      case WeightFormat::kInt8: {
        const auto& group = reinterpret_cast<const Int8PanelGroup*>(panel)[i / kGroup];
        const int value = group.values[i % kGroup / 4][lane][i % 4] - 128;
        out[i] = static_cast<float>(value) * bf16_to_f32(group.scales[lane]);
        break;
      }
    }
  }
}

}  // namespace puna
