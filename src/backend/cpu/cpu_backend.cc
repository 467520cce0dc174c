// Opening: instruction set, weight format, weights, KV cache, in the order in which each may fail.

#include "backend/cpu/cpu_backend.h"

#include <algorithm>

#include "backend/cpu/forward.h"
#include "backend/cpu/memory_plan.h"
#include "backend/cpu/packed_weights.h"
#include "base/bytes.h"
#include "base/log.h"

namespace puna {
namespace {

constexpr int kThreadsMax = 1024;

class CpuBackend final : public MeasuredBackend {
 public:
  CpuBackend(const LlamaConfig& config, const BackendLimits& limits, Isa isa, CpuWeights weights,
             KvCache kv, std::unique_ptr<ThreadPool> pool)
      : config_(config),
        limits_(limits),
        isa_(isa),
        weights_(std::move(weights)),
        kv_(std::move(kv)),
        pool_(std::move(pool)),
        forward_(config_, weights_, kernels_for(isa), kv_, *pool_) {}

  const BackendLimits& limits() const override { return limits_; }
  const BackendTraits& traits() const override { return cpu_traits(); }
  Status health() const override { return weights_.status(); }
  ThreadPool* pool() override { return pool_.get(); }
  std::string kernels() const override { return std::string(puna::describe(isa_)); }

  BackendMemory memory() const override {
    const auto bytes = static_cast<int64_t>(weights_.bytes());
    const auto looked_up = static_cast<int64_t>(weights_.lm_head ? weights_.embedding.bytes() : 0);
    return {.weight_bytes = bytes,
            .step_weight_bytes = bytes - looked_up,
            .kv_bytes_per_token = kv_block_bytes(config_, kv_.type()) / cpu_traits().block_tokens,
            .weight_group = static_cast<int>(weights_.group())};
  }

  void fill_blocks() override { kv_.fill(*pool_); }

  void settle() override {
    if (weights_.mapped) weights_.mapped->settle();
  }

  std::string describe() const override {
    const auto kv_bytes = int64_t{limits_.block_count} * kv_block_bytes(config_, kv_.type());
    return fmt::format("cpu: {} weights {}{}, {}, {} threads, {} kv {} for {} positions",
                       puna::describe(weights_.format),
                       describe_bytes(static_cast<int64_t>(weights_.bytes())),
                       weights_.mapped ? " mapped" : "", puna::describe(isa_),
                       pool_->thread_count(), puna::describe(kv_.type()), describe_bytes(kv_bytes),
                       int64_t{limits_.block_count} * cpu_traits().block_tokens);
  }
  Result<std::optional<DeviceLimits>> device_limits() override {
    return std::optional<DeviceLimits>();
  }

 protected:
  Result<StepResult> compute(const StepBatch& batch) override {
    RETURN_IF_ERROR(validate(batch, limits_, cpu_traits()));
    RETURN_IF_ERROR(weights_.status());
    return StepResult{.logits = {.values = forward_.run(batch), .vocab_size = limits_.vocab_size}};
  }

 private:
  const LlamaConfig config_;
  const BackendLimits limits_;
  const Isa isa_;
  const CpuWeights weights_;
  KvCache kv_;
  const std::unique_ptr<ThreadPool> pool_;
  Forward forward_;
};

// A packed file that was named decides what was not asked for.
Result<WeightChoice> choose_weights(const CpuOptions& options, const Checkpoint& checkpoint) {
  CpuOptions asked = options;
  if (names_packed_file(options.packed_weights)) {
    ASSIGN_OR_RETURN(const WeightChoice packed, packed_choice(options.packed_weights));
    if (!asked.weights) asked.weights = packed.format;
    if (asked.weight_group == 0) asked.weight_group = static_cast<int>(packed.group_max);
  }
  ASSIGN_OR_RETURN(const WeightFormat format,
                   choose_weight_format(asked, checkpoint, available_memory_bytes()));
  return WeightChoice{.format = format,
                      .group_max = static_cast<size_t>(choose_weight_group(asked, format))};
}

}  // namespace

const BackendTraits& cpu_traits() {
  static const BackendTraits traits = {.exactness = Exactness::kBits,
                                       .sharing = BlockSharing::kAll,
                                       .block_tokens = static_cast<int>(kBlockPositions)};
  return traits;
}

Result<std::unique_ptr<MeasuredBackend>> open_cpu_backend(const BackendOptions& options,
                                                          const Checkpoint& checkpoint) {
  const CpuOptions& cpu = options.cpu();
  if (cpu.thread_count < 0 || cpu.thread_count > kThreadsMax) {
    return invalid_argument("--threads {}: expected 0 to {}", cpu.thread_count, kThreadsMax);
  }
  ASSIGN_OR_RETURN(const Isa isa, choose_isa());
  ASSIGN_OR_RETURN(const WeightChoice choice, choose_weights(cpu, checkpoint));
  auto pool = std::make_unique<ThreadPool>(
      cpu.thread_count > 0 ? static_cast<size_t>(cpu.thread_count) : usable_core_count());
  ASSIGN_OR_RETURN(CpuWeights weights,
                   open_cpu_weights({.checkpoint = checkpoint,
                                     .choice = choice,
                                     .calibration_tokens = cpu.calibration_tokens,
                                     .pool = *pool},
                                    cpu.packed_weights));
  // bf16 keeps what int8 and bf16 weights can tell apart; f32 is there to be exact.
  const KvCacheType kv_type = cpu.kv_cache_type.value_or(
      choice.format == WeightFormat::kF32 ? KvCacheType::kF32 : KvCacheType::kBf16);
  // Mapped weights are page cache at first, which counts as available memory.
  const auto mapped_bytes =
      weights.mapped ? static_cast<int64_t>(weights.mapped->file().data_bytes()) : 0;
  ASSIGN_OR_RETURN(const BackendLimits limits,
                   choose_limits(options, checkpoint.config, kv_type,
                                 std::max<int64_t>(0, available_memory_bytes() - mapped_bytes)));
  ASSIGN_OR_RETURN(KvCache kv, KvCache::allocate(checkpoint.config, kv_type, limits.block_count));
  return std::unique_ptr<MeasuredBackend>(std::make_unique<CpuBackend>(
      checkpoint.config, limits, isa, std::move(weights), std::move(kv), std::move(pool)));
}

}  // namespace puna
