// Which parts of a checkpoint's tensors one device holds as an argument of its programs, and
// reading them: device by device, without a second copy of the model.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/llama_config.h"
#include "model/weight_source.h"
#include "stablehlo/llama_program.h"

namespace puna::stablehlo {

// Rows and columns of one tensor; a vector is one column. What lies beyond the tensor is zero.
struct TensorPiece {
  std::string tensor;  // Hugging Face's name
  int64_t first_row = 0;
  int64_t row_count = 0;
  int64_t first_column = 0;
};

// The pieces of a weight argument in the order of its rows, for device `rank` of `degree`.
std::vector<TensorPiece> weight_pieces(const LlamaConfig& config, int degree, int rank,
                                       const ProgramArgument& argument);

// All of the argument's values for that device into out [element_count(argument.type)].
Status read_weight(const WeightSource& source, const LlamaConfig& config, int degree, int rank,
                   const ProgramArgument& argument, std::span<float> out);

// Cosines and sines of positions [0, count), each [count, head_dim / 2].
struct RopeTables {
  std::vector<float> cosines;
  std::vector<float> sines;
};
RopeTables rope_tables(const LlamaConfig& config, int count);

}  // namespace puna::stablehlo
