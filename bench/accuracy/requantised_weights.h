// RequantisedWeights: a checkpoint whose linear layers are quantised to 4 bits once more, in a
// chosen way, as if it were stored so.
//
// For measuring ways of quantising: a backend with int4 weights takes these values over, one with
// f32 weights computes with what they stand for. Embedding and head stay as they are.
#pragma once

#include <memory>
#include <optional>

#include "model/forwarding_weights.h"
#include "quantise/importance.h"

namespace puna {

enum class Rounding { kNearest, kSearched };

struct Requantisation {
  int group = 64;  // halved until it divides a row
  bool symmetric = false;
  Rounding rounding = Rounding::kSearched;
  std::shared_ptr<const Importance> importance;  // null: every input counts alike
};

class RequantisedWeights final : public ForwardingWeights {
 public:
  RequantisedWeights(std::shared_ptr<const WeightSource> base, Requantisation how);

  Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const override;
  std::optional<QuantisedLayout> quantised_layout(std::string_view name) const override;
  Status read_quantised_rows(std::string_view name, int64_t first_row, int64_t row_count,
                             QuantisedRows& out) const override;
  std::optional<Int8Layout> int8_layout(std::string_view name) const override;

 private:
  Requantisation how_;
};

}  // namespace puna
