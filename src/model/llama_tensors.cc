// Names and shapes of a Llama's tensors, from its config.

#include "model/llama_tensors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "model/model_folder.h"

namespace puna {
namespace {

constexpr size_t kExtraNamesShownMax = 3;

void add_projection(std::vector<ExpectedTensor>& tensors, const std::string& name, int64_t rows,
                    int64_t columns, bool has_bias) {
  tensors.push_back({name + ".weight", {rows, columns}});
  if (has_bias) tensors.push_back({name + ".bias", {rows}});
}

void add_layer(std::vector<ExpectedTensor>& tensors, const LlamaConfig& config, int layer) {
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  const int64_t hidden = config.hidden_size;
  const int64_t ffn = config.intermediate_size;
  const int64_t query = int64_t{config.num_attention_heads} * config.head_dim;
  const int64_t key_value = int64_t{config.num_key_value_heads} * config.head_dim;
  const bool bias = config.attention_bias;
  tensors.push_back({prefix + "input_layernorm.weight", {hidden}});
  add_projection(tensors, prefix + "self_attn.q_proj", query, hidden, bias);
  add_projection(tensors, prefix + "self_attn.k_proj", key_value, hidden, bias);
  add_projection(tensors, prefix + "self_attn.v_proj", key_value, hidden, bias);
  add_projection(tensors, prefix + "self_attn.o_proj", hidden, query, bias);
  tensors.push_back({prefix + "post_attention_layernorm.weight", {hidden}});
  add_projection(tensors, prefix + "mlp.gate_proj", ffn, hidden, config.mlp_bias);
  add_projection(tensors, prefix + "mlp.up_proj", ffn, hidden, config.mlp_bias);
  add_projection(tensors, prefix + "mlp.down_proj", hidden, ffn, config.mlp_bias);
}

void warn_of_extra(const std::set<std::string_view>& expected, const WeightSource& weights,
                   std::string_view origin) {
  std::vector<std::string> extra;
  for (const TensorInfo* tensor : weights.tensors()) {
    // Old checkpoints store the RoPE frequencies, which the config gives as well.
    if (expected.contains(tensor->name) || tensor->name.ends_with(".inv_freq")) continue;
    extra.push_back(printable_name(tensor->name));
  }
  if (extra.empty()) return;
  const size_t count = extra.size();
  extra.resize(std::min(count, kExtraNamesShownMax));
  log_warning("{}: {} tensors are not used: {}{}", origin, count, fmt::join(extra, ", "),
              count > extra.size() ? ", ..." : "");
}

}  // namespace

std::vector<ExpectedTensor> expected_tensors(const LlamaConfig& config) {
  const int64_t hidden = config.hidden_size;
  std::vector<ExpectedTensor> tensors;
  tensors.push_back({"model.embed_tokens.weight", {config.vocab_size, hidden}});
  for (int layer = 0; layer < config.num_hidden_layers; ++layer) {
    add_layer(tensors, config, layer);
  }
  tensors.push_back({"model.norm.weight", {hidden}});
  if (!config.tie_word_embeddings) {
    tensors.push_back({"lm_head.weight", {config.vocab_size, hidden}});
  }
  return tensors;
}

Status check_tensors(const LlamaConfig& config, const WeightSource& weights,
                     std::string_view origin) {
  const std::vector<ExpectedTensor> expected = expected_tensors(config);
  std::set<std::string_view> names;
  for (const ExpectedTensor& tensor : expected) {
    names.insert(tensor.name);
    const TensorInfo* found = weights.find(tensor.name);
    if (found == nullptr) {
      return invalid_argument("{}: tensor {} is missing, expected {}", origin, tensor.name,
                              tensor.shape);
    }
    if (found->shape != tensor.shape) {
      return invalid_argument("{}: tensor {} has shape {}, expected {}", origin, tensor.name,
                              found->shape, tensor.shape);
    }
  }
  warn_of_extra(names, weights, origin);
  return Status();
}

}  // namespace puna
