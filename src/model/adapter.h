// LoRA adapters in PEFT's layout, merged into the base's weights as they are read.
//
// A folder with adapter_config.json and adapter_model.safetensors. A target's rows become
// W + scale * (B A), scale = lora_alpha / r (or / sqrt(r) with use_rslora); all else passes
// through. The sum runs over the rank in order, so a row is the same whatever else is read with it.
// This is the one place of the merge.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/checkpoint.h"
#include "model/forwarding_weights.h"
#include "model/module_patterns.h"
#include "model/safetensors_weights.h"

namespace puna {

inline constexpr int kAdapterRankMax = 4096;

struct AdapterConfig {
  int rank = 0;
  double alpha = 0;
  bool divides_by_root = false;                // use_rslora
  ModulePatterns rank_pattern, alpha_pattern;  // modules with a rank or an alpha of their own
  std::vector<std::string> target_modules;     // empty: the tensors of the file alone decide

  int rank_of(std::string_view module) const;
  double scale_of(std::string_view module) const;
  double scale() const;  // of modules that no pattern names
};

// Reads the text of an adapter_config.json; settings that would change the sums in a way Puna does
// not know (DoRA, trained biases, whole modules) are refused by name.
Result<AdapterConfig> parse_adapter_config(std::string_view text, std::string_view origin);

class AdapterWeights final : public ForwardingWeights {
 public:
  using ForwardingWeights::ForwardingWeights;  // changes nothing

  // Checks names and shapes of the adapter's tensors against the base's.
  static Result<std::shared_ptr<const AdapterWeights>> open(
      std::shared_ptr<const WeightSource> base, const std::filesystem::path& adapter,
      const AdapterConfig& config);

  int64_t parameter_count() const { return parameter_count_; }
  bool changes(std::string_view name) const { return updates_.find(name) != updates_.end(); }

  Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const override;
  // A changed tensor has no grid of its own any more: the change is far finer than the base's
  // 4-bit steps and would vanish on it.
  std::optional<QuantisedLayout> quantised_layout(std::string_view name) const override;
  Status read_quantised_rows(std::string_view name, int64_t first_row, int64_t row_count,
                             QuantisedRows& out) const override;
  std::optional<Int8Layout> int8_layout(std::string_view name) const override;
  Status read_int8_rows(std::string_view name, int64_t first_row, int64_t row_count,
                        Int8Rows& out) const override;

 private:
  struct Update {
    std::vector<float> a;  // [rank, column_count]
    std::vector<float> b;  // [row_count, rank]
    size_t rank = 0;
    float scale = 0;
  };

  Status add_update(const SafetensorsWeights& file, const std::string& module,
                    const AdapterConfig& config);

  std::map<std::string, Update, std::less<>> updates_;  // by the base's tensor name
  int64_t parameter_count_ = 0;
};

}  // namespace puna
