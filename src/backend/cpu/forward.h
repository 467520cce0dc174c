// Forward: the Llama forward pass over one StepBatch: embedding, layers, logits.
//
// Work is cut by rows, panels of weights, or attention tasks; which thread takes a piece never
// changes its result.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "backend/cpu/attention.h"
#include "backend/cpu/cpu_weights.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/kv_cache.h"
#include "backend/step_batch.h"
#include "base/thread_pool.h"

namespace puna {

// The four inputs of a layer's linear layers.
enum class LinearInput { kQkv, kO, kGateUp, kDown };

class Forward {
 public:
  // Called for every token's input of every linear layer, in order, on the caller's thread.
  using Listener = std::function<void(size_t layer, LinearInput input, std::span<const float> row)>;

  // All arguments outlive the object.
  Forward(const LlamaConfig& config, const CpuWeights& weights, const Kernels& kernels, KvCache& kv,
          ThreadPool& pool);

  // `batch` is valid. The logits [logit_count, vocab_size] live until the next call.
  std::span<float> run(const StepBatch& batch);

  void listen(Listener listener) { listener_ = std::move(listener); }

 private:
  void begin(const StepBatch& batch);
  void embed(const StepBatch& batch);
  void run_layer(size_t index, const StepBatch& batch);
  void rotate_and_store(size_t layer, const StepBatch& batch);
  void gather_logit_rows(const StepBatch& batch);
  void prepare_norm(const PackedMatrix& matrix, const std::vector<float>& weight, size_t row_count);
  void prepare_attended(const PackedMatrix& matrix);
  void prepare_gated(const PackedMatrix& matrix);
  void prepare_row(const PackedMatrix& matrix, size_t row, const float* values);
  void multiply(const PackedMatrix& matrix, size_t row_count, std::span<float> out,
                size_t out_stride, bool add_to_out);
  void tell(size_t layer, LinearInput input, std::span<const float> rows, size_t stride,
            size_t size) const;
  void for_each_row(size_t count, const std::function<void(size_t)>& body);

  const LlamaConfig& config_;
  const CpuWeights& weights_;
  const Kernels& kernels_;
  KvCache& kv_;
  ThreadPool& pool_;

  const size_t head_dim_;
  const size_t hidden_stride_;  // floats between rows of each buffer; the padding stays zero
  const size_t query_stride_;
  const size_t qkv_stride_;
  const size_t gate_up_stride_;
  const size_t gated_stride_;
  const size_t prepared_bytes_max_;               // of a prepared row of the widest matrix
  const std::vector<float> inverse_frequencies_;  // [head_dim / 2]

  AttentionStep attention_;
  Listener listener_;  // empty but for calibration
  size_t token_count_ = 0;
  std::vector<size_t> blocks_, slots_, positions_;  // [token_count]: where each token's KV lies
  std::vector<float> cosines_, sines_;              // [token_count, head_dim / 2]
  std::vector<bool> is_last_;                       // [token_count]: of its run
  std::vector<float> hidden_;                       // [token_count, hidden_stride_]
  std::vector<float> normed_;                       // as hidden_
  std::vector<float> qkv_;                          // [token_count, qkv_stride_]
  std::vector<float> attended_;                     // [token_count, query_stride_]
  std::vector<float> gate_up_;                      // [token_count, gate_up_stride_]
  std::vector<float> gated_;                        // [token_count, gated_stride_]
  std::vector<std::byte> prepared_;  // [token_count] rows, at most prepared_bytes_max_ each
  std::vector<float> logits_;        // [logit_count, vocab_size]
};

}  // namespace puna
