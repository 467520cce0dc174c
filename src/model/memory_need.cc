// Multiplications that may overflow are checked; sums saturate.

#include "model/memory_need.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "model/llama_shapes.h"
#include "model/model_sizes.h"
#include "model/random_weights.h"

namespace puna {
namespace {

constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
constexpr int64_t kUsefulContext = 256;

int64_t product(int64_t a, int64_t b) {
  int64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? kAll : result;
}

int64_t sum(int64_t a, int64_t b) { return a > kAll - b ? kAll : a + b; }

int64_t blocks_of(int64_t positions) {
  return (positions + kKvBlockPositions - 1) / kKvBlockPositions;
}

}  // namespace

int64_t MemoryNeed::total() const { return sum(sum(weight_bytes, kv_bytes), scratch_bytes); }

MemoryNeed memory_need(const LlamaConfig& config, const WeightSource& source,
                       const MemoryUse& use) {
  const int group = use.group > 0 ? use.group : default_weight_group(use.format);
  const int64_t blocks = product(blocks_of(use.context), use.streams);
  return {.weight_bytes = weight_sizes(config, source, use.format, group).bytes,
          .kv_bytes = product(blocks, kv_block_bytes(config, use.kv_type)),
          .scratch_bytes =
              activation_bytes(config, use.step_tokens) + logit_bytes(config, use.step_tokens)};
}

int64_t streams_that_fit(const LlamaConfig& config, const MemoryNeed& need, const MemoryUse& use,
                         int64_t bytes) {
  const int64_t room = bytes - need.weight_bytes - need.scratch_bytes;
  const int64_t stream = product(blocks_of(use.context), kv_block_bytes(config, use.kv_type));
  return room <= 0 || stream <= 0 ? 0 : room / use.kv_part / stream;
}

std::optional<MemoryUse> nearest_use(const LlamaConfig& config, const WeightSource& source,
                                     const MemoryUse& wanted, int64_t bytes) {
  std::vector<WeightFormat> formats = {wanted.format};
  for (const WeightFormat format : {WeightFormat::kInt8, WeightFormat::kInt4}) {
    if (format > wanted.format) formats.push_back(format);
  }
  const int64_t useful = std::min<int64_t>(kUsefulContext, config.max_position_embeddings);
  for (const WeightFormat format : formats) {
    MemoryUse use = wanted;
    use.format = format;
    use.streams = 1;
    const MemoryNeed need = memory_need(config, source, use);
    const int64_t room = bytes - need.weight_bytes - need.scratch_bytes;
    const int64_t positions =
        room <= 0 ? 0
                  : room / use.kv_part / kv_block_bytes(config, use.kv_type) * kKvBlockPositions;
    use.context = std::min(wanted.context, positions);
    if (use.context >= std::min(useful, wanted.context)) return use;
  }
  return std::nullopt;
}

std::string nearest_words(const LlamaConfig& config, const WeightSource& source,
                          const MemoryUse& wanted, int64_t bytes) {
  if (const auto use = nearest_use(config, source, wanted, bytes)) {
    std::string flags = fmt::format("--weights {}", describe(use->format));
    if (use->context < wanted.context) flags += fmt::format(" --max-model-len {}", use->context);
    return fmt::format("{} would fit ({})", flags,
                       describe_bytes(memory_need(config, source, *use).total()));
  }
  const MemoryUse least = {.format = WeightFormat::kInt4,
                           .context = std::min<int64_t>(wanted.context, kUsefulContext),
                           .step_tokens = wanted.step_tokens};
  const int64_t needed = memory_need(config, source, least).total();
  std::string text = fmt::format("it takes {} at least, as int4", describe_bytes(needed));
  const std::vector<std::string> names = llama_shape_names();
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const LlamaConfig smaller = find_llama_shape(*name).value_or(config);
    const auto weights = random_weights(smaller, 0);
    const int64_t taken = memory_need(smaller, *weights, least).total();
    if (taken <= bytes && taken < needed) {
      return text + fmt::format("; {} would fit as int4 ({})", *name, describe_bytes(taken));
    }
  }
  return text;
}

}  // namespace puna
