// PackedMatrix: weights [column_count, k] of a linear layer, in the order in which the kernels read
// them.
//
// Several tensors may be stacked into one (q, k and v), so that a step has fewer loops. Panels of
// 64 outputs are described in kernels.h.
#pragma once

#include <string>
#include <vector>

#include "backend/cpu/kernels.h"
#include "backend/cpu/page_memory.h"
#include "backend/open_backend.h"
#include "base/thread_pool.h"
#include "model/weight_source.h"

namespace puna {

class PackedMatrix {
 public:
  // Reads the tensors' rows a panel at a time, on all threads of the pool. `biases` is empty or
  // names one tensor per weight.
  static Result<PackedMatrix> pack(const WeightSource& source, WeightFormat format,
                                   const std::vector<std::string>& weights,
                                   const std::vector<std::string>& biases, ThreadPool& pool);

  size_t column_count() const { return column_count_; }
  size_t panel_count() const { return padded(column_count_, kPanelColumns) / kPanelColumns; }
  size_t k() const { return k_; }
  size_t padded_k() const { return padded(k_, kGroup); }
  const std::byte* panels() const { return memory_.data(); }
  size_t bytes() const { return memory_.size(); }
  const float* bias() const { return bias_.empty() ? nullptr : bias_.data(); }

  // The weights of one output, as the kernels see them, into out [k].
  void unpack_column(size_t column, float* out) const;

 private:
  Status pack_panel(const WeightSource& source, const std::vector<const TensorInfo*>& parts,
                    size_t panel);
  Status read_bias(const WeightSource& source, const std::vector<std::string>& names);

  WeightFormat format_ = WeightFormat::kF32;
  size_t column_count_ = 0;
  size_t k_ = 0;
  PageMemory memory_;
  std::vector<float> bias_;  // [padded column_count], or empty
};

// Bytes that one weight takes, its share of a scale included.
double bytes_per_weight(WeightFormat format);

}  // namespace puna
