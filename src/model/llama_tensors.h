// Which tensors a Llama of a given shape is made of, and the check that a checkpoint has them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/llama_config.h"
#include "model/weight_source.h"

namespace puna {

struct ExpectedTensor {
  std::string name;            // Hugging Face's
  std::vector<int64_t> shape;  // [row_count, column_count] or [size]
};

// All of them, in the order of the forward pass; lm_head.weight only when embeddings are not tied.
std::vector<ExpectedTensor> expected_tensors(const LlamaConfig& config);

// kInvalidArgument with name, expected and found shape for the first tensor that is missing or
// misshapen. Tensors that are not expected are left alone, with a warning in the log.
Status check_tensors(const LlamaConfig& config, const WeightSource& weights,
                     std::string_view origin);

}  // namespace puna
