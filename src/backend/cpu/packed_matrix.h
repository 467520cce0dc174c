// PackedMatrix: weights [column_count, k] of a linear layer, in the order in which the kernels read
// them.
//
// Several tensors may be stacked into one (q, k and v), so that a step has fewer loops.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "backend/cpu/packed_layout.h"
#include "backend/cpu/page_memory.h"
#include "base/thread_pool.h"
#include "model/weight_source.h"

namespace puna {

// What a linear layer is packed from and to.
struct PackRequest {
  std::vector<std::string> weights;  // tensors, stacked
  std::vector<std::string> biases;   // none, or one for each of `weights`
  WeightFormat format = WeightFormat::kF32;
  size_t group_max = 128;                  // of int8 and int4
  std::span<const float> importance = {};  // of the inputs [k], for int4; none: all alike
};

class PackedMatrix {
 public:
  // Reads the tensors' rows a panel at a time, on all threads of the pool.
  static Result<PackedMatrix> pack(const WeightSource& source, const PackRequest& request,
                                   ThreadPool& pool);

  // Of panels that lie elsewhere and outlive it: a mapped file's. kDataLoss unless they and the
  // biases are as many as the layout says.
  static Result<PackedMatrix> view(const PackedLayout& layout, std::span<const std::byte> panels,
                                   std::vector<float> bias);

  const PackedLayout& layout() const { return layout_; }
  const std::byte* panels() const { return panels_; }
  size_t bytes() const { return layout_.bytes(); }
  std::span<const float> biases() const { return bias_; }
  const float* bias() const { return bias_.empty() ? nullptr : bias_.data(); }

  // The weights of one output, as the kernels see them, into out [k].
  void unpack_column(size_t column, float* out) const;

 private:
  Status read_bias(const WeightSource& source, const std::vector<std::string>& names);

  PackedLayout layout_;
  const std::byte* panels_ = nullptr;  // in memory_, or elsewhere
  PageMemory memory_;
  std::vector<float> bias_;  // [padded column_count], or empty
};

}  // namespace puna
