// CpuWeights: all weights of a Llama, packed for the kernels; and where the matrices come from.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/cpu/packed_matrix.h"
#include "backend/cpu/weight_memory.h"
#include "model/llama_config.h"

namespace puna {

struct CpuLayer {
  std::vector<float> input_norm, post_attention_norm;  // [hidden_size padded to kGroupMax]
  PackedMatrix qkv;                                    // rows of q, then k, then v
  PackedMatrix o;
  PackedMatrix gate_up;  // rows of gate, then up
  PackedMatrix down;
};

struct CpuWeights {
  std::unique_ptr<WeightMemory> mapped;  // what the matrices are views of; null: their own memory
  WeightFormat format = WeightFormat::kF32;
  PackedMatrix embedding;               // an output is a token
  std::optional<PackedMatrix> lm_head;  // empty: the embedding
  std::vector<float> norm;
  std::vector<CpuLayer> layers;

  size_t bytes() const;
  // kInternal once a mapped file has turned out to be damaged.
  Status status() const { return mapped ? mapped->status() : Status(); }
  // Of the layers' largest matrices; 0 when the format has no scales.
  size_t group() const;
};

// A matrix of the forward pass by the checkpoint's tensors whose rows it stacks.
struct StackedTensors {
  std::string name;                  // its own: "layers.0.qkv"
  std::vector<std::string> weights;  // at least one
  std::vector<std::string> biases;   // none, or one for each of weights
};

inline constexpr std::string_view kEmbeddingName = "embedding";
inline constexpr std::string_view kHeadName = "lm_head";

// Makes the matrices from a checkpoint, or finds them in a packed file.
class MatrixSource {
 public:
  virtual ~MatrixSource() = default;
  virtual Result<PackedMatrix> matrix(const StackedTensors& tensors) = 0;
  virtual Result<std::vector<float>> norm(const std::string& tensor) = 0;
};

// Asks `source` for each matrix and norm of the pass once, in the order in which they are used.
Result<CpuWeights> load_cpu_weights(const LlamaConfig& config, MatrixSource& source);

}  // namespace puna
