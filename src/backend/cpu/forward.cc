// The pass itself, as in Hugging Face's modeling_llama: norm, attention, norm, gated MLP, each
// added to the hidden state.

#include "backend/cpu/forward.h"

#include <algorithm>
#include <cmath>

#include "model/rope.h"

namespace puna {
namespace {

size_t widest_k(const LlamaConfig& config) {
  const int heads = config.num_attention_heads * config.head_dim;
  return static_cast<size_t>(std::max({config.hidden_size, heads, config.intermediate_size}));
}

size_t qkv_size(const LlamaConfig& config) {
  const int heads = config.num_attention_heads + 2 * config.num_key_value_heads;
  return static_cast<size_t>(heads) * static_cast<size_t>(config.head_dim);
}

// Of a row as the matrix's kernels read it. Not a multiple of 4096: the rows of a tile would share
// one set of the first cache.
size_t prepared_row_bytes(const PackedLayout& layout) {
  const size_t k = layout.padded_k();
  const size_t used =
      has_groups(layout.format) ? QuantisedRow::bytes(k, layout.group) : k * sizeof(float);
  const size_t bytes = padded(used, 64);
  return bytes % 4096 == 0 ? bytes + 64 : bytes;
}

// Small pieces, so that no thread waits long for another's last one, at least `minimum` long each.
size_t chunk_of(size_t count, size_t threads, size_t minimum) {
  return std::max(minimum, count / (threads * 64));
}

}  // namespace

Forward::Forward(const LlamaConfig& config, const CpuWeights& weights, const Kernels& kernels,
                 KvCache& kv, ThreadPool& pool)
    : config_(config),
      weights_(weights),
      kernels_(kernels),
      kv_(kv),
      pool_(pool),
      head_dim_(static_cast<size_t>(config.head_dim)),
      hidden_stride_(padded(static_cast<size_t>(config.hidden_size), kGroupMax)),
      query_stride_(padded(static_cast<size_t>(config.num_attention_heads) * head_dim_, kGroupMax)),
      qkv_stride_(padded(qkv_size(config), kGroupMax)),
      gate_up_stride_(padded(2 * static_cast<size_t>(config.intermediate_size), kGroupMax) +
                      kLanes),
      gated_stride_(padded(static_cast<size_t>(config.intermediate_size), kGroupMax)),
      prepared_bytes_max_(padded(widest_k(config), kGroupMax) * sizeof(float) + 64),
      inverse_frequencies_(rope_inverse_frequencies(config.rope, config.head_dim)),
      attention_(config, kernels, kv, pool) {}

std::span<float> Forward::run(const StepBatch& batch) {
  begin(batch);
  attention_.plan(batch);
  embed(batch);
  for (size_t i = 0; i < weights_.layers.size(); ++i) run_layer(i, batch);
  const size_t count = batch.wanted_rows.size();
  const auto vocab_size = static_cast<size_t>(config_.vocab_size);
  logits_.resize(count * vocab_size);
  if (count == 0) return logits_;
  gather_logit_rows(batch);
  const PackedMatrix& head = weights_.lm_head ? *weights_.lm_head : weights_.embedding;
  prepare_norm(head, weights_.norm, count);
  multiply(head, count, logits_, vocab_size, false);
  return logits_;
}

void Forward::begin(const StepBatch& batch) {
  token_count_ = batch.tokens.size();
  hidden_.resize(token_count_ * hidden_stride_);
  normed_.resize(token_count_ * hidden_stride_);
  qkv_.resize(token_count_ * qkv_stride_);
  attended_.resize(token_count_ * query_stride_);
  gate_up_.resize(token_count_ * gate_up_stride_);
  gated_.resize(token_count_ * gated_stride_);
  prepared_.resize(token_count_ * prepared_bytes_max_);
  blocks_.resize(token_count_);
  slots_.resize(token_count_);
  positions_.resize(token_count_);
  is_last_.resize(token_count_);
  for (const SequenceRun& run : batch.runs) {
    for (int i = 0; i < run.token_count; ++i) {
      const auto token = static_cast<size_t>(run.first_token + i);
      const auto position = static_cast<size_t>(run.first_position + i);
      positions_[token] = position;
      blocks_[token] = static_cast<size_t>(run.block_table[position / kBlockPositions]);
      slots_[token] = position % kBlockPositions;
      is_last_[token] = i + 1 == run.token_count;
    }
  }
  const size_t half = head_dim_ / 2;
  cosines_.resize(token_count_ * half);
  sines_.resize(token_count_ * half);
  for_each_row(token_count_, [&](size_t token) {
    rope_angles(inverse_frequencies_, positions_[token], &cosines_[token * half],
                &sines_[token * half]);
  });
}

void Forward::embed(const StepBatch& batch) {
  for_each_row(token_count_, [&](size_t token) {
    const auto id = static_cast<size_t>(batch.tokens[token]);
    weights_.embedding.unpack_column(id, &hidden_[token * hidden_stride_]);
  });
}

void Forward::run_layer(size_t index, const StepBatch& batch) {
  const CpuLayer& layer = weights_.layers[index];
  const auto hidden_size = static_cast<size_t>(config_.hidden_size);
  prepare_norm(layer.qkv, layer.input_norm, token_count_);
  tell(index, LinearInput::kQkv, normed_, hidden_stride_, hidden_size);
  multiply(layer.qkv, token_count_, qkv_, qkv_stride_, false);
  rotate_and_store(index, batch);
  attention_.run(index, batch, qkv_.data(), qkv_stride_, attended_.data(), query_stride_);
  prepare_attended(layer.o);
  tell(index, LinearInput::kO, attended_, query_stride_, layer.o.layout().k);
  multiply(layer.o, token_count_, hidden_, hidden_stride_, true);
  prepare_norm(layer.gate_up, layer.post_attention_norm, token_count_);
  tell(index, LinearInput::kGateUp, normed_, hidden_stride_, hidden_size);
  multiply(layer.gate_up, token_count_, gate_up_, gate_up_stride_, false);
  prepare_gated(layer.down);
  tell(index, LinearInput::kDown, gated_, gated_stride_, layer.down.layout().k);
  multiply(layer.down, token_count_, hidden_, hidden_stride_, true);
}

void Forward::tell(size_t layer, LinearInput input, std::span<const float> rows, size_t stride,
                   size_t size) const {
  if (!listener_) return;
  for (size_t row = 0; row < token_count_; ++row) {
    listener_(layer, input, rows.subspan(row * stride, size));
  }
}

void Forward::rotate_and_store(size_t layer, const StepBatch& batch) {
  const auto heads = static_cast<size_t>(config_.num_attention_heads);
  const auto kv_heads = static_cast<size_t>(config_.num_key_value_heads);
  const size_t half = head_dim_ / 2;
  for_each_row(batch.tokens.size(), [&](size_t token) {
    float* const query = &qkv_[token * qkv_stride_];
    for (size_t head = 0; head < heads + kv_heads; ++head) {
      rotate(query + head * head_dim_, &cosines_[token * half], &sines_[token * half], half);
    }
    const float* const key = query + heads * head_dim_;
    const float* const value = key + kv_heads * head_dim_;
    for (size_t head = 0; head < kv_heads; ++head) {
      kv_.write(layer, head, blocks_[token], slots_[token], is_last_[token], key + head * head_dim_,
                value + head * head_dim_);
    }
  });
}

void Forward::gather_logit_rows(const StepBatch& batch) {
  for (size_t row = 0; row < batch.wanted_rows.size(); ++row) {
    const auto token = static_cast<size_t>(batch.wanted_rows[row].token);  // never below `row`
    if (token == row) continue;
    std::copy_n(&hidden_[token * hidden_stride_], hidden_stride_, &hidden_[row * hidden_stride_]);
  }
}

void Forward::prepare_row(const PackedMatrix& matrix, size_t row, const float* values) {
  const PackedLayout& layout = matrix.layout();
  kernels_for(kernels_, layout.format)
      .prepare(values, layout, &prepared_[row * prepared_row_bytes(layout)]);
}

void Forward::prepare_norm(const PackedMatrix& matrix, const std::vector<float>& weight,
                           size_t row_count) {
  const auto size = static_cast<size_t>(config_.hidden_size);
  for_each_row(row_count, [&](size_t row) {
    float* const normed = &normed_[row * hidden_stride_];
    kernels_.rms_norm(&hidden_[row * hidden_stride_], weight.data(), size, config_.rms_norm_eps,
                      normed);
    prepare_row(matrix, row, normed);
  });
}

void Forward::prepare_attended(const PackedMatrix& matrix) {
  for_each_row(token_count_,
               [&](size_t row) { prepare_row(matrix, row, &attended_[row * query_stride_]); });
}

void Forward::prepare_gated(const PackedMatrix& matrix) {
  const auto size = static_cast<size_t>(config_.intermediate_size);
  for_each_row(token_count_, [&](size_t row) {
    const float* const gate = &gate_up_[row * gate_up_stride_];
    float* const gated = &gated_[row * gated_stride_];
    kernels_.gate(gate, gate + size, padded(size, kLanes), gated);
    std::fill(gated + size, gated + gated_stride_, 0.0F);
    prepare_row(matrix, row, gated);
  });
}

void Forward::multiply(const PackedMatrix& matrix, size_t row_count, std::span<float> out,
                       size_t out_stride, bool add_to_out) {
  const PackedLayout& layout = matrix.layout();
  const FormatKernels& kernels = kernels_for(kernels_, layout.format);
  Matmul matmul =
      matmul_of(layout, matrix.panels(), prepared_.data(), prepared_row_bytes(layout), row_count);
  matmul.bias = matrix.bias();
  matmul.out = out.data();
  matmul.out_stride = out_stride;
  matmul.add_to_out = add_to_out;
  const size_t chunk = chunk_of(layout.panel_count(), pool_.thread_count(), 1);
  pool_.parallel_for(layout.panel_count(), chunk,
                     [&](size_t first, size_t last) { kernels.matmul(matmul, first, last); });
}

void Forward::for_each_row(size_t count, const std::function<void(size_t)>& body) {
  constexpr size_t kRowsMin = 4;  // fewer are not worth waking a thread
  const size_t chunk = chunk_of(count, pool_.thread_count(), kRowsMin);
  pool_.parallel_for(count, chunk, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) body(i);
  });
}

}  // namespace puna
