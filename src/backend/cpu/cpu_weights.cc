// The names of a Llama's tensors, as weight_source.h lists them, and which are stacked.

#include "backend/cpu/cpu_weights.h"

namespace puna {
namespace {

// Padded with zeros, so that padding stays zero through a norm.
Result<std::vector<float>> read_norm(const WeightSource& source, const std::string& name) {
  const TensorInfo* tensor = source.find(name);
  if (tensor == nullptr) return error(StatusCode::kNotFound, "{}: no such tensor", name);
  const auto size = static_cast<size_t>(tensor->column_count());
  std::vector<float> norm(padded(size, kGroupMax));
  RETURN_IF_ERROR(source.read_rows(name, 0, 1, std::span(norm).subspan(0, size)));
  return norm;
}

class LayerLoader {
 public:
  LayerLoader(const WeightSource& source, WeightFormat format, size_t group_max, ThreadPool& pool,
              int index)
      : source_(source),
        format_(format),
        group_max_(group_max),
        pool_(pool),
        prefix_(fmt::format("model.layers.{}.", index)) {}

  Result<PackedMatrix> stack(const std::vector<std::string>& names, bool has_bias) const {
    PackRequest request = {.weights = {}, .biases = {}, .format = format_, .group_max = group_max_};
    for (const std::string& name : names) {
      request.weights.push_back(prefix_ + name + ".weight");
      // Quantised files keep in more bits what four would hurt most.
      if (format_ == WeightFormat::kInt4 && has_more_than_4_bits(request.weights.back())) {
        request.format = WeightFormat::kInt8;
      }
      if (has_bias) request.biases.push_back(prefix_ + name + ".bias");
    }
    return PackedMatrix::pack(source_, request, pool_);
  }

  Result<std::vector<float>> norm(const std::string& name) const {
    return read_norm(source_, prefix_ + name + ".weight");
  }

 private:
  // Of a tensor that the checkpoint holds quantised; one that it does not is for us to quantise.
  bool has_more_than_4_bits(const std::string& name) const {
    const TensorInfo* tensor = source_.find(name);
    return tensor != nullptr && is_quantised(tensor->type) && !source_.quantised_layout(name);
  }

  const WeightSource& source_;
  WeightFormat format_;
  size_t group_max_;
  ThreadPool& pool_;
  std::string prefix_;
};

Result<CpuLayer> load_layer(const LlamaConfig& config, const LayerLoader& loader) {
  CpuLayer layer;
  ASSIGN_OR_RETURN(layer.input_norm, loader.norm("input_layernorm"));
  ASSIGN_OR_RETURN(layer.post_attention_norm, loader.norm("post_attention_layernorm"));
  ASSIGN_OR_RETURN(layer.qkv,
                   loader.stack({"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
                                config.attention_bias));
  ASSIGN_OR_RETURN(layer.o, loader.stack({"self_attn.o_proj"}, config.attention_bias));
  ASSIGN_OR_RETURN(layer.gate_up, loader.stack({"mlp.gate_proj", "mlp.up_proj"}, config.mlp_bias));
  ASSIGN_OR_RETURN(layer.down, loader.stack({"mlp.down_proj"}, config.mlp_bias));
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
  const bool has_scales = format == WeightFormat::kInt8 || format == WeightFormat::kInt4;
  return has_scales && !layers.empty() ? layers.front().down.layout().group : 0;
}

Result<CpuWeights> load_cpu_weights(const LlamaConfig& config, const WeightSource& source,
                                    WeightFormat format, size_t group_max, ThreadPool& pool) {
  CpuWeights weights;
  weights.format = format;
  // Four bits cost the head and the embedding more accuracy than they save time.
  PackRequest outer = {.weights = {"model.embed_tokens.weight"},
                       .biases = {},
                       .format = format == WeightFormat::kInt4 ? WeightFormat::kInt8 : format,
                       .group_max = group_max};
  ASSIGN_OR_RETURN(weights.embedding, PackedMatrix::pack(source, outer, pool));
  if (!config.tie_word_embeddings) {
    outer.weights = {"lm_head.weight"};
    ASSIGN_OR_RETURN(weights.lm_head, PackedMatrix::pack(source, outer, pool));
  }
  ASSIGN_OR_RETURN(weights.norm, read_norm(source, "model.norm.weight"));
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    ASSIGN_OR_RETURN(CpuLayer layer,
                     load_layer(config, LayerLoader(source, format, group_max, pool, i)));
    weights.layers.push_back(std::move(layer));
  }
  return weights;
}

}  // namespace puna
