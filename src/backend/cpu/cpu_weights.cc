// The names of a Llama's tensors, as weight_source.h lists them, and which are stacked.

#include "backend/cpu/cpu_weights.h"

namespace puna {
namespace {

class LayerLoader {
 public:
  LayerLoader(MatrixSource& source, int index)
      : source_(source), index_(index), prefix_(fmt::format("model.layers.{}.", index)) {}

  Result<PackedMatrix> stack(std::string_view name, const std::vector<std::string>& modules,
                             bool has_bias) const {
    StackedTensors tensors;
    tensors.name = fmt::format("layers.{}.{}", index_, name);
    for (const std::string& module : modules) {
      tensors.weights.push_back(prefix_ + module + ".weight");
      if (has_bias) tensors.biases.push_back(prefix_ + module + ".bias");
    }
    return source_.matrix(tensors);
  }

  Result<std::vector<float>> norm(const std::string& module) const {
    return source_.norm(prefix_ + module + ".weight");
  }

 private:
  MatrixSource& source_;
  int index_;
  std::string prefix_;
};

Result<CpuLayer> load_layer(const LlamaConfig& config, const LayerLoader& loader) {
  CpuLayer layer;
  ASSIGN_OR_RETURN(layer.input_norm, loader.norm("input_layernorm"));
  ASSIGN_OR_RETURN(layer.post_attention_norm, loader.norm("post_attention_layernorm"));
  ASSIGN_OR_RETURN(layer.qkv,
                   loader.stack("qkv", {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
                                config.attention_bias));
  ASSIGN_OR_RETURN(layer.o, loader.stack("o", {"self_attn.o_proj"}, config.attention_bias));
  ASSIGN_OR_RETURN(layer.gate_up,
                   loader.stack("gate_up", {"mlp.gate_proj", "mlp.up_proj"}, config.mlp_bias));
  ASSIGN_OR_RETURN(layer.down, loader.stack("down", {"mlp.down_proj"}, config.mlp_bias));
  return layer;
}

}  // namespace

size_t CpuWeights::bytes() const {
  size_t total = embedding.bytes() + (lm_head ? lm_head->bytes() : 0);
  for (const CpuLayer& layer : layers) {
    total += layer.qkv.bytes() + layer.o.bytes() + layer.gate_up.bytes() + layer.down.bytes();
  }
  return total;
}

size_t CpuWeights::group() const {
  return has_groups(format) && !layers.empty() ? layers.front().down.layout().group : 0;
}

Result<CpuWeights> load_cpu_weights(const LlamaConfig& config, MatrixSource& source) {
  CpuWeights weights;
  ASSIGN_OR_RETURN(weights.embedding, source.matrix({.name = std::string(kEmbeddingName),
                                                     .weights = {"model.embed_tokens.weight"},
                                                     .biases = {}}));
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    ASSIGN_OR_RETURN(CpuLayer layer, load_layer(config, LayerLoader(source, i)));
    weights.layers.push_back(std::move(layer));
  }
  ASSIGN_OR_RETURN(weights.norm, source.norm("model.norm.weight"));
  if (!config.tie_word_embeddings) {
    ASSIGN_OR_RETURN(weights.lm_head, source.matrix({.name = std::string(kHeadName),
                                                     .weights = {"lm_head.weight"},
                                                     .biases = {}}));
  }
  return weights;
}

}  // namespace puna
