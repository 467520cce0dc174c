// Sequences one after the other through the forward pass, with an ear at every linear layer.

#include "backend/cpu/calibration.h"

#include <algorithm>
#include <numeric>

#include "backend/cpu/forward.h"

namespace puna {
namespace {

constexpr size_t kSequenceTokens = 512;

// The tensors that read an input, without their layer's prefix.
std::vector<std::string_view> readers_of(LinearInput input) {
  switch (input) {
    case LinearInput::kQkv:
      return {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    case LinearInput::kO:
      return {"self_attn.o_proj"};
    case LinearInput::kGateUp:
      return {"mlp.gate_proj", "mlp.up_proj"};
    case LinearInput::kDown:
      return {"mlp.down_proj"};
  }
  check_failed(__FILE__, __LINE__, "input", "a LinearInput that does not exist");
}

class Listener {
 public:
  void add(size_t layer, LinearInput input, std::span<const float> row) {
    auto& of_layer = squares_[{layer, input}];
    if (of_layer.empty()) of_layer.emplace_back(row.size());
    of_layer.front().add(row);
  }

  Importance importance() const {
    Importance importance;
    for (const auto& [place, squares] : squares_) {
      for (const std::string_view reader : readers_of(place.second)) {
        const std::string name = fmt::format("model.layers.{}.{}.weight", place.first, reader);
        importance.by_tensor[name] = squares.front().means();
      }
    }
    return importance;
  }

 private:
  std::map<std::pair<size_t, LinearInput>, std::vector<InputSquares>> squares_;
};

StepBatch sequence_of(std::span<const TokenId> tokens) {
  StepBatch batch;
  batch.tokens.assign(tokens.begin(), tokens.end());
  SequenceRun run;
  run.token_count = static_cast<int>(tokens.size());
  run.block_table.resize((tokens.size() + kBlockPositions - 1) / kBlockPositions);
  std::iota(run.block_table.begin(), run.block_table.end(), 0);
  batch.runs.push_back(std::move(run));
  return batch;
}

}  // namespace

Result<Importance> measure_importance(const LlamaConfig& config, const CpuWeights& weights,
                                      const Kernels& kernels, std::span<const TokenId> tokens,
                                      ThreadPool& pool,
                                      const std::function<void(size_t)>& on_tokens) {
  const size_t length =
      std::min(kSequenceTokens, static_cast<size_t>(config.max_position_embeddings));
  ASSIGN_OR_RETURN(KvCache kv,
                   KvCache::allocate(config, KvCacheType::kBf16,
                                     static_cast<int>(kSequenceTokens / kBlockPositions)));
  Forward forward(config, weights, kernels, kv, pool);
  Listener listener;
  forward.listen([&](size_t layer, LinearInput input, std::span<const float> row) {
    listener.add(layer, input, row);
  });
  for (size_t first = 0; first < tokens.size(); first += length) {
    const size_t count = std::min(length, tokens.size() - first);
    forward.run(sequence_of(tokens.subspan(first, count)));
    if (on_tokens) on_tokens(count);
  }
  return listener.importance();
}

}  // namespace puna
