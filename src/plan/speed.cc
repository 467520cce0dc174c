// Reading and computing overlap, though not wholly where both take as long: a soft maximum.

#include "plan/speed.h"

#include <algorithm>
#include <cmath>

#include "model/step_operations.h"

namespace puna::plan {
namespace {

// Of the soft maximum: with 5, two equal times take 15 % more than one (docs/PERFORMANCE.md, the
// batches between those that memory and those that arithmetic holds back).
constexpr double kOverlap = 5;

// A CPU's peak is that of int8; accelerators multiply in bf16 whatever they hold.
double format_share(const Device& device, WeightFormat format) {
  constexpr double kBf16Share = 0.6;  // with AVX-512 BF16; puna bench on Zen 5, prefill
  constexpr double kF32Share = 0.34;
  if (device.kind != DeviceKind::kCpu) return 1;
  if (format == WeightFormat::kBf16) return kBf16Share;
  return format == WeightFormat::kF32 ? kF32Share : 1;
}

}  // namespace

SpeedModel::SpeedModel(const LlamaConfig& config, const ReadSizes& sizes, WeightFormat format,
                       const Device& device, int degree)
    : config_(config),
      sizes_(sizes),
      bytes_per_second_(degree * device.bytes_per_second * device.memory_share),
      operations_per_second_(degree * device.operations_per_second * device.compute_share *
                             format_share(device, format) * config.hidden_size /
                             (config.hidden_size + device.hidden_half)),
      overhead_seconds_(config.num_hidden_layers *
                        (device.layer_seconds + (degree > 1 ? device.collective_seconds : 0))) {}

SpeedModel::Times SpeedModel::times(const StepLoad& load) const {
  const double tokens = load.rows + load.prompt_tokens;
  const double logit_rows = load.rows + (load.prompt_tokens > 0 ? 1 : 0);
  const double attended =
      load.rows * load.depth + load.prompt_tokens * (load.prompt_depth + load.prompt_tokens / 2);
  const double operations = 2 * layer_weight_count(config_) * tokens +
                            2 * head_weight_count(config_) * logit_rows +
                            attention_operations(config_, attended);
  const double bytes = sizes_.step_weight_bytes +
                       (load.rows * load.depth + load.prompt_depth) * sizes_.kv_bytes_per_token;
  return {.read = bytes / bytes_per_second_,
          .compute = operations / operations_per_second_,
          .layers = overhead_seconds_};
}

double SpeedModel::step_seconds(const StepLoad& load) const {
  const Times parts = times(load);
  const double longer = std::max(parts.read, parts.compute);
  const double shorter = std::min(parts.read, parts.compute);
  return longer * std::pow(1 + std::pow(shorter / longer, kOverlap), 1 / kOverlap) + parts.layers;
}

double SpeedModel::prompt_seconds(double prompt_tokens, double rows, double depth) const {
  double seconds = 0;
  for (double done = 0; done < prompt_tokens; done += kChunkTokens) {
    seconds += step_seconds({.rows = rows,
                             .depth = depth,
                             .prompt_tokens = std::min(kChunkTokens, prompt_tokens - done),
                             .prompt_depth = done});
  }
  return seconds;
}

SpeedModel::Bound SpeedModel::bound(const StepLoad& load) const {
  const Times parts = times(load);
  if (parts.layers > std::max(parts.read, parts.compute)) return Bound::kLayers;
  return parts.read >= parts.compute ? Bound::kMemory : Bound::kCompute;
}

}  // namespace puna::plan
