// A decode step of four sequences, with inputs by a formula.

#include "emitted_step.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "base/float16.h"
#include "stablehlo/interpreter/program.h"

namespace puna::pjrt {
namespace {

using stablehlo::ArgumentRole;
using stablehlo::LlamaProgram;
using stablehlo::ProgramShape;

LlamaConfig small_config() {
  LlamaConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 46;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 8;
  config.vocab_size = 50;
  config.max_position_embeddings = 256;
  return config;
}

LlamaProgram decode_step(const Step& step) {
  ProgramShape shape;
  shape.sequences = 4;
  shape.logit_rows = 4;
  shape.table_blocks = 2;
  shape.slot_blocks = 2;
  shape.pool_blocks = 9;
  shape.positions = 128;
  shape.degree = step.degree;
  shape.weights = step.element;
  shape.kv = step.element;
  auto program = stablehlo::emit_llama_step(small_config(), shape,
                                            *stablehlo::find_platform_profile(step.profile));
  EXPECT_TRUE(program.ok()) << program.status().message();
  return std::move(program).value();
}

CompileOptions options_for(const Step& step) {
  const auto mode = stablehlo::find_platform_profile(step.profile)->tensor_parallel;
  if (mode == stablehlo::TensorParallelMode::kPartitions) return {.partitions = step.degree};
  return {.replicas = step.degree};
}

// Four sequences at positions 0, 30, 60 and 90 in blocks of their own; other values by a formula.
interpreter::Tensor input_for(ArgumentRole role, const interpreter::Type& type, int device) {
  interpreter::Tensor tensor = interpreter::zeros(type);
  for (size_t i = 0; i < tensor.floats.size(); ++i) {
    const auto phase =
        static_cast<float>(i) + 0.37F * static_cast<float>(role) + static_cast<float>(device);
    tensor.floats[i] = interpreter::rounded(0.4F * std::sin(1.7F * phase), type.element);
  }
  for (size_t i = 0; i < tensor.integers.size(); ++i) {
    const int index = static_cast<int>(i);
    const int row = index / 2;  // of [tokens, 2]
    if (role == ArgumentRole::kTokens) tensor.integers[i] = 7 * index % 50;
    if (role == ArgumentRole::kPositions) tensor.integers[i] = 30 * index;
    if (role == ArgumentRole::kTables) tensor.integers[i] = index;
    if (role == ArgumentRole::kSlots) {
      tensor.integers[i] = index % 2 == 0 ? 2 * row + 30 * row / 64 : 30 * row % 64;
    }
    if (role == ArgumentRole::kRank) tensor.integers[i] = device;
  }
  return tensor;
}

ArrayType array_type(const interpreter::Type& type) {
  switch (type.element) {
    case interpreter::Element::kI1:
      return {ElementCode::kPred, type.shape};
    case interpreter::Element::kI8:
      return {ElementCode::kS8, type.shape};
    case interpreter::Element::kI32:
      return {ElementCode::kS32, type.shape};
    case interpreter::Element::kBf16:
      return {ElementCode::kBf16, type.shape};
    case interpreter::Element::kF32:
      break;
  }
  return {ElementCode::kF32, type.shape};
}

std::vector<std::byte> bytes_of(const interpreter::Tensor& tensor) {
  std::vector<std::byte> bytes(static_cast<size_t>(byte_count(array_type(tensor.type))));
  if (tensor.type.element == interpreter::Element::kBf16) {
    for (size_t i = 0; i < tensor.floats.size(); ++i) {
      const uint16_t bits = f32_to_bf16(tensor.floats[i]);
      std::memcpy(&bytes[2 * i], &bits, sizeof bits);
    }
  } else if (tensor.type.is_float()) {
    std::memcpy(bytes.data(), tensor.floats.data(), bytes.size());
  } else if (tensor.type.element == interpreter::Element::kI8) {
    std::transform(tensor.integers.begin(), tensor.integers.end(), bytes.begin(),
                   [](int32_t value) { return static_cast<std::byte>(value); });
  } else {
    std::memcpy(bytes.data(), tensor.integers.data(), bytes.size());
  }
  return bytes;
}

}  // namespace

std::vector<float> download_floats(const DeviceBuffer& buffer, size_t count) {
  std::vector<float> values(count);
  const Status status = buffer.download(std::as_writable_bytes(std::span(values)));
  EXPECT_TRUE(status.ok()) << status.message();
  return values;
}

Comparison run_step(const DeviceClient& client, const Step& step) {
  const LlamaProgram emitted = decode_step(step);
  const auto program = interpreter::parse_program(emitted.text);
  EXPECT_TRUE(program.ok()) << program.status().message();
  const auto loaded = client.compile(emitted.text, options_for(step));
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  if (!loaded.ok()) return {};
  const auto degree = static_cast<size_t>(step.degree);
  interpreter::Program::Values values(degree);
  std::vector<std::vector<DeviceBuffer>> buffers(degree);
  LoadedProgram::Inputs inputs(degree);
  for (size_t device = 0; device < degree; ++device) {
    for (size_t i = 0; i < emitted.arguments.size(); ++i) {
      const auto tensor = std::make_shared<const interpreter::Tensor>(input_for(
          emitted.arguments[i].role, program->inputs()[i].type, static_cast<int>(device)));
      auto buffer = client.upload(device, array_type(tensor->type), bytes_of(*tensor));
      EXPECT_TRUE(buffer.ok()) << buffer.status().message();
      buffers[device].push_back(std::move(buffer).value());
      values[device].push_back(tensor);
    }
    for (const DeviceBuffer& buffer : buffers[device]) inputs[device].push_back(&buffer);
  }
  const auto expected = program->run(values);
  EXPECT_TRUE(expected.ok()) << expected.status().message();
  const auto outputs = loaded->run(inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status().message();
  if (!outputs.ok() || !expected.ok()) return {};
  Comparison comparison;
  for (size_t device = 0; device < degree; ++device) {
    const auto& logits = (*expected)[device][1]->floats;
    const auto& tokens = (*expected)[device][0]->integers;
    const auto actual = download_floats((*outputs)[device][1], logits.size());
    std::vector<int32_t> chosen(tokens.size());
    EXPECT_TRUE((*outputs)[device][0].download(std::as_writable_bytes(std::span(chosen))).ok());
    comparison.logits.insert(comparison.logits.end(), actual.begin(), actual.end());
    comparison.expected_logits.insert(comparison.expected_logits.end(), logits.begin(),
                                      logits.end());
    comparison.tokens.insert(comparison.tokens.end(), chosen.begin(), chosen.end());
    comparison.expected_tokens.insert(comparison.expected_tokens.end(), tokens.begin(),
                                      tokens.end());
    for (size_t i = 0; i < emitted.arguments.size(); ++i) {
      const auto is_donated = buffers[device][i].is_donated();
      EXPECT_TRUE(is_donated.ok()) << is_donated.status().message();
      EXPECT_EQ(is_donated.ok() && *is_donated, emitted.arguments[i].is_pool());
      comparison.donated += is_donated.ok() && *is_donated ? 1 : 0;
    }
  }
  return comparison;
}

}  // namespace puna::pjrt
