// AttentionStep: which thread attends to what, for all sequences of one step.
//
// A task is up to kAttentionRows rows of a run and KV head over all their positions. Where a run
// has few rows but many positions, each piece of positions is a task of its own and the pieces are
// merged afterwards: one long sequence uses all cores. Results are the same bits either way.
#pragma once

#include <vector>

#include "backend/cpu/kernels.h"
#include "backend/cpu/kv_cache.h"
#include "backend/step_batch.h"
#include "base/thread_pool.h"

namespace puna {

class AttentionStep {
 public:
  // All arguments outlive the object.
  AttentionStep(const LlamaConfig& config, const Kernels& kernels, const KvCache& kv,
                ThreadPool& pool);

  // Before the first layer of a step.
  void plan(const StepBatch& batch);
  // `queries` and `out` are rows of all tokens' heads, the strides floats between tokens.
  void run(size_t layer, const StepBatch& batch, const float* queries, size_t query_stride,
           float* out, size_t out_stride);

 private:
  struct Task {
    size_t run = 0;
    size_t kv_head = 0;
    size_t first_row = 0;
    size_t row_count = 0;
    size_t piece = 0;
    size_t partial = 0;  // index into partials_ of the rows' first piece
    bool is_piece = false;
  };

  void plan_rows(const StepBatch& batch, Task task);
  size_t partial_stride() const { return kLanes + padded(head_dim_, kLanes); }

  const LlamaConfig& config_;
  const AttentionKernels& kernels_;
  const KvCache& kv_;
  ThreadPool& pool_;
  const size_t head_dim_;
  const size_t heads_per_kv_head_;

  std::vector<Task> tasks_;
  std::vector<Task> merges_;  // one for all pieces of its rows
  std::vector<float> partials_;
};

}  // namespace puna
