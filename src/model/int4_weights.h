// Int4Weights: a WeightSource over a safetensors checkpoint whose linear layers AWQ or GPTQ packed.
//
// Shows MODULE.weight for every MODULE.qweight with its qzeros, scales and g_idx; other tensors
// pass through. Biases of zeros, which GPTQ's writers give to layers that have none, are left out.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/int4_matrix.h"
#include "model/llama_config.h"
#include "model/safetensors_weights.h"

namespace puna {

class Int4Weights : public WeightSource {
 public:
  static Result<std::shared_ptr<const Int4Weights>> open(
      std::shared_ptr<const SafetensorsWeights> stored, const QuantisationConfig& quantisation,
      const LlamaConfig& config);

  std::vector<const TensorInfo*> tensors() const override { return infos_; }
  const TensorInfo* find(std::string_view name) const override;
  Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const override;
  std::optional<QuantisedLayout> quantised_layout(std::string_view name) const override;
  Status read_quantised_rows(std::string_view name, int64_t first_row, int64_t row_count,
                             QuantisedRows& out) const override;

 private:
  struct Matrix {
    TensorInfo info;
    Int4Matrix matrix;
    // Looking at every zero is left until somebody asks; the answer never changes.
    enum class Symmetry : char { kUnknown, kYes, kNo };
    mutable std::atomic<Symmetry> symmetry = Symmetry::kUnknown;

    bool is_symmetric() const;
  };

  Status add_matrix(std::string_view module, const QuantisationConfig& quantisation);
  Status check_bias(const TensorInfo& bias, std::string_view module, const LlamaConfig& config,
                    bool& keep) const;

  std::shared_ptr<const SafetensorsWeights> stored_;
  std::map<std::string, std::unique_ptr<Matrix>, std::less<>> matrices_;  // by MODULE.weight
  std::vector<const TensorInfo*> infos_;
  std::map<std::string, const TensorInfo*, std::less<>> by_name_;
};

}  // namespace puna
