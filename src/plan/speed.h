// SpeedModel: how long a step takes on a device, by roofline: the longer of reading memory and of
// computing, at the stated shares of what the device gives, and what each layer costs besides.
#pragma once

#include "model/llama_config.h"
#include "plan/catalogue.h"

namespace puna::plan {

// A step's work: `rows` sequences that each add a token after `depth` others, and `prompt_tokens`
// of a prompt whose first `prompt_depth` were there.
struct StepLoad {
  double rows = 0;
  double depth = 0;
  double prompt_tokens = 0;
  double prompt_depth = 0;
};

// Bytes that every step reads, and of one position's K and V, on all devices together.
struct ReadSizes {
  double step_weight_bytes = 0;
  double kv_bytes_per_token = 0;
};

class SpeedModel {
 public:
  SpeedModel(const LlamaConfig& config, const ReadSizes& sizes, WeightFormat format,
             const Device& device, int degree);

  double step_seconds(const StepLoad& load) const;
  // The whole prompt beside `rows` that go on, in steps of at most kChunkTokens.
  double prompt_seconds(double prompt_tokens, double rows, double depth) const;

  enum class Bound { kMemory, kCompute, kLayers };
  Bound bound(const StepLoad& load) const;

  static constexpr double kChunkTokens = 512;  // --max-num-batched-tokens

 private:
  struct Times {
    double read = 0;
    double compute = 0;
    double layers = 0;
  };
  Times times(const StepLoad& load) const;

  LlamaConfig config_;
  ReadSizes sizes_;
  double bytes_per_second_;
  double operations_per_second_;
  double overhead_seconds_;
};

}  // namespace puna::plan
