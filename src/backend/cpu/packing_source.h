// PackingSource: matrices packed from a checkpoint into memory of their own.
#pragma once

#include "backend/cpu/cpu_weights.h"
#include "quantise/importance.h"

namespace puna {

// How weights are asked for. What becomes of a matrix may differ: model_sizes.h says where.
struct WeightChoice {
  WeightFormat format = WeightFormat::kF32;
  size_t group_max = kGroupMax;  // of int8 and int4

  bool operator==(const WeightChoice&) const = default;
};

// "bf16", "int4 group 32".
std::string describe(const WeightChoice& choice);
// Of what describe() gives; nothing for any other text.
std::optional<WeightChoice> parse_weight_choice(std::string_view text);

class PackingSource final : public MatrixSource {
 public:
  // All arguments outlive the object. `importance` is of the inputs, for int4.
  PackingSource(const WeightSource& source, const WeightChoice& choice, ThreadPool& pool,
                Importance importance = {})
      : source_(source), choice_(choice), pool_(pool), importance_(std::move(importance)) {}

  Result<PackedMatrix> matrix(const StackedTensors& tensors) override;
  Result<std::vector<float>> norm(const std::string& tensor) override;

 private:
  const WeightSource& source_;
  const WeightChoice choice_;
  ThreadPool& pool_;
  const Importance importance_;
};

}  // namespace puna
