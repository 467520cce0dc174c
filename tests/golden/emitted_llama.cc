// What the PJRT backend does with a program: arguments by role, padding to the spare blocks, pools
// handed from step to step.

#include "emitted_llama.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "stablehlo/tensor_parallel.h"
#include "stablehlo/weight_shards.h"

namespace puna {
namespace {

using interpreter::Element;
using interpreter::Tensor;
using interpreter::TensorPointer;
using stablehlo::ArgumentRole;
using stablehlo::ElementType;
using stablehlo::ProgramArgument;
using stablehlo::ProgramShape;

interpreter::Type type_of(const stablehlo::TensorType& type) {
  switch (type.element) {
    case ElementType::kI1:
      return {Element::kI1, type.shape};
    case ElementType::kI8:
      return {Element::kI8, type.shape};
    case ElementType::kI32:
      return {Element::kI32, type.shape};
    case ElementType::kBf16:
      return {Element::kBf16, type.shape};
    case ElementType::kF32:
      break;
  }
  return {Element::kF32, type.shape};
}

Tensor floats(const stablehlo::TensorType& type, std::vector<float> values) {
  Tensor tensor = interpreter::zeros(type_of(type));
  EXPECT_EQ(tensor.floats.size(), values.size());
  for (float& value : values) value = interpreter::rounded(value, tensor.type.element);
  tensor.floats = std::move(values);
  return tensor;
}

}  // namespace

EmittedLlama::EmittedLlama(const LlamaConfig& config, const WeightSource& weights,
                           ProgramShape shape, const std::string& profile)
    : config_(config),
      weights_(weights),
      shape_(shape),
      profile_(stablehlo::find_platform_profile(profile).value()) {
  fill_pools(0);
}

EmittedResult EmittedLlama::prefill(const EmittedRow& row, int bucket, bool last_only) {
  ProgramShape shape = shape_;
  shape.sequences = 1;
  shape.tokens_per_sequence = bucket;
  shape.logit_rows = last_only ? 1 : bucket;
  return run(shape, {row}, last_only ? 1 : row.tokens.size());
}

EmittedResult EmittedLlama::decode(const std::vector<EmittedRow>& rows, int bucket) {
  ProgramShape shape = shape_;
  shape.sequences = bucket;
  shape.tokens_per_sequence = 1;
  shape.logit_rows = bucket;
  return run(shape, rows, rows.size());
}

void EmittedLlama::fill_pools(float value) {
  pools_.assign(static_cast<size_t>(shape_.degree), {});
  const auto sizes = stablehlo::shard_sizes(config_, shape_.degree);
  const stablehlo::TensorType type = {
      shape_.kv,
      {shape_.pool_blocks, sizes.kv_heads, stablehlo::kBlockPositions, config_.head_dim}};
  Tensor pool = interpreter::zeros(type_of(type));
  std::fill(pool.floats.begin(), pool.floats.end(), value);
  const auto shared = std::make_shared<const Tensor>(std::move(pool));
  for (auto& device : pools_) {
    device.assign(static_cast<size_t>(2 * config_.num_hidden_layers), shared);
  }
}

const EmittedLlama::Emitted& EmittedLlama::program(const ProgramShape& shape) {
  const std::string key =
      fmt::format("{} {} {}", shape.sequences, shape.tokens_per_sequence, shape.logit_rows);
  const auto found = programs_.find(key);
  if (found != programs_.end()) return found->second;
  auto emitted = stablehlo::emit_llama_step(config_, shape, profile_);
  EXPECT_TRUE(emitted.ok()) << emitted.status().message();
  auto executable = interpreter::parse_program(emitted->text);
  EXPECT_TRUE(executable.ok()) << executable.status().message();
  const size_t bytes = emitted->text.size();
  Emitted held = {std::move(emitted).value(), std::move(executable).value(), bytes};
  return programs_.emplace(key, std::move(held)).first->second;
}

TensorPointer EmittedLlama::weight(const ProgramArgument& argument, int rank) {
  TensorPointer& held =
      held_[fmt::format("{} {} {}", rank, static_cast<int>(argument.role), argument.layer)];
  if (held) return held;
  std::vector<float> values(static_cast<size_t>(stablehlo::element_count(argument.type)));
  if (argument.is_weight()) {
    const Status status =
        stablehlo::read_weight(weights_, config_, shape_.degree, rank, argument, values);
    EXPECT_TRUE(status.ok()) << status.message();
  } else {
    const auto tables = stablehlo::rope_tables(config_, shape_.positions);
    values = argument.role == ArgumentRole::kCosines ? tables.cosines : tables.sines;
  }
  held = std::make_shared<const Tensor>(floats(argument.type, std::move(values)));
  return held;
}

Tensor EmittedLlama::step_values(const ProgramArgument& argument, const ProgramShape& shape,
                                 const std::vector<EmittedRow>& rows, int rank) const {
  Tensor tensor = interpreter::zeros(type_of(argument.type));
  const auto per_sequence = static_cast<size_t>(shape.tokens_per_sequence);
  const auto blocks = static_cast<size_t>(shape.table_blocks);
  if (argument.role == ArgumentRole::kRank) tensor.integers[0] = rank;
  if (argument.role == ArgumentRole::kFirstBlock) tensor.integers[0] = rows[0].table[0];
  if (argument.role == ArgumentRole::kRows) {
    tensor.integers[0] = static_cast<int32_t>(rows[0].tokens.size()) - 1;
  }
  if (argument.role == ArgumentRole::kSlots) {
    for (int64_t token = 0; token < shape.token_count(); ++token) {
      const auto [block, offset] = stablehlo::spare_slot(shape.pool_blocks, token);
      tensor.integers[static_cast<size_t>(2 * token)] = block;
      tensor.integers[static_cast<size_t>(2 * token + 1)] = offset;
    }
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    if (argument.role == ArgumentRole::kTables) {
      std::copy_n(rows[i].table.begin(), std::min(blocks, rows[i].table.size()),
                  tensor.integers.begin() + static_cast<ptrdiff_t>(i * blocks));
    }
    for (size_t j = 0; j < rows[i].tokens.size(); ++j) {
      const size_t token = i * per_sequence + j;
      const int position = rows[i].first_position + static_cast<int>(j);
      if (argument.role == ArgumentRole::kTokens) tensor.integers[token] = rows[i].tokens[j];
      if (argument.role == ArgumentRole::kPositions) tensor.integers[token] = position;
      if (argument.role == ArgumentRole::kSlots) {
        tensor.integers[2 * token] =
            rows[i].table[static_cast<size_t>(position / stablehlo::kBlockPositions)];
        tensor.integers[2 * token + 1] = position % stablehlo::kBlockPositions;
      }
    }
  }
  return tensor;
}

EmittedResult EmittedLlama::run(const ProgramShape& shape, const std::vector<EmittedRow>& rows,
                                size_t wanted_count) {
  const Emitted& emitted = program(shape);
  text_bytes_ = emitted.bytes;
  interpreter::Program::Values inputs(pools_.size());
  for (size_t device = 0; device < inputs.size(); ++device) {
    size_t pool = 0;
    for (const ProgramArgument& argument : emitted.program.arguments) {
      const int rank = static_cast<int>(device);
      if (argument.is_pool()) {
        inputs[device].push_back(pools_[device][pool++]);
      } else if (argument.is_weight() || argument.role == ArgumentRole::kCosines ||
                 argument.role == ArgumentRole::kSines) {
        inputs[device].push_back(weight(argument, rank));
      } else {
        inputs[device].push_back(
            std::make_shared<const Tensor>(step_values(argument, shape, rows, rank)));
      }
    }
  }
  const auto results = emitted.executable.run(inputs);
  EXPECT_TRUE(results.ok()) << results.status().message();
  if (!results.ok()) return {};
  EmittedResult outcome;
  const auto vocab_size = static_cast<ptrdiff_t>(config_.vocab_size);
  for (size_t row = 0; row < wanted_count; ++row) {
    const auto first = (*results)[0][1]->floats.begin() + static_cast<ptrdiff_t>(row) * vocab_size;
    outcome.logits.emplace_back(first, first + vocab_size);
    outcome.chosen.push_back((*results)[0][0]->integers[row]);
  }
  for (size_t device = 0; device < pools_.size(); ++device) {
    EXPECT_EQ((*results)[device][1]->floats, (*results)[0][1]->floats) << "device " << device;
    pools_[device].assign((*results)[device].begin() + 2, (*results)[device].end());
  }
  return outcome;
}

}  // namespace puna
