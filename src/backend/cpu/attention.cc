// Cutting attention into tasks, and handing them to the kernels.

#include "backend/cpu/attention.h"

#include <algorithm>
#include <cmath>

namespace puna {
namespace {

const AttentionKernels& kernels_of(const Kernels& kernels, KvCacheType type) {
  switch (type) {
    case KvCacheType::kF32:
      return kernels.attention_f32;
    case KvCacheType::kBf16:
      return kernels.attention_bf16;
    case KvCacheType::kInt8:
      return kernels.attention_int8;
  }
  check_failed(__FILE__, __LINE__, "type", "a KvCacheType that does not exist");
}

}  // namespace

AttentionStep::AttentionStep(const LlamaConfig& config, const Kernels& kernels, const KvCache& kv,
                             ThreadPool& pool)
    : config_(config),
      kernels_(kernels_of(kernels, kv.type())),
      kv_(kv),
      pool_(pool),
      head_dim_(static_cast<size_t>(config.head_dim)),
      heads_per_kv_head_(
          static_cast<size_t>(config.num_attention_heads / config.num_key_value_heads)) {}

void AttentionStep::plan(const StepBatch& batch) {
  tasks_.clear();
  merges_.clear();
  partials_.clear();
  for (size_t run = 0; run < batch.runs.size(); ++run) {
    const size_t rows = static_cast<size_t>(batch.runs[run].token_count) * heads_per_kv_head_;
    for (size_t kv_head = 0; kv_head < static_cast<size_t>(config_.num_key_value_heads);
         ++kv_head) {
      for (size_t row = 0; row < rows; row += kAttentionRows) {
        plan_rows(batch, {.run = run,
                          .kv_head = kv_head,
                          .first_row = row,
                          .row_count = std::min(kAttentionRows, rows - row)});
      }
    }
  }
}

void AttentionStep::plan_rows(const StepBatch& batch, Task task) {
  const SequenceRun& run = batch.runs[task.run];
  const auto position_count = static_cast<size_t>(run.first_position + run.token_count);
  const size_t pieces = (position_count + kPiecePositions - 1) / kPiecePositions;
  // Pieces apart need all rows in all pieces: of a run of one token they are.
  if (run.token_count > 1 || pieces == 1 || pool_.thread_count() == 1) {
    tasks_.push_back(task);
    return;
  }
  task.is_piece = true;
  task.partial = partials_.size();
  merges_.push_back(task);
  for (task.piece = 0; task.piece < pieces; ++task.piece) tasks_.push_back(task);
  partials_.resize(partials_.size() + pieces * task.row_count * partial_stride());
}

void AttentionStep::run(size_t layer, const StepBatch& batch, const float* queries,
                        size_t query_stride, float* out, size_t out_stride) {
  const float scale = 1.0F / std::sqrt(static_cast<float>(head_dim_));
  const auto attention_of = [&](const Task& task) -> Attention {
    const SequenceRun& run = batch.runs[task.run];
    const auto token = static_cast<size_t>(run.first_token);
    const size_t head = task.kv_head * heads_per_kv_head_ * head_dim_;
    const size_t piece_floats = task.piece * task.row_count * partial_stride();
    return {.queries = queries + token * query_stride + head,
            .query_stride = query_stride,
            .out = out + token * out_stride + head,
            .out_stride = out_stride,
            .head_dim = head_dim_,
            .heads_per_kv_head = heads_per_kv_head_,
            .first_row = task.first_row,
            .row_count = task.row_count,
            .first_position = static_cast<size_t>(run.first_position),
            .scale = scale,
            .kv = kv_.base(layer, task.kv_head),
            .block_bytes = kv_.block_stride(),
            .block_table = run.block_table.data(),
            .piece = task.piece,
            .partial = task.is_piece ? partials_.data() + task.partial + piece_floats : nullptr,
            .partial_stride = partial_stride()};
  };
  pool_.parallel_for(tasks_.size(), 1, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      (tasks_[i].is_piece ? kernels_.run_partial : kernels_.run)(attention_of(tasks_[i]));
    }
  });
  for (const Task& task : merges_) kernels_.merge_partials(attention_of(task));
}

}  // namespace puna
