// The PJRT client against the reference plugin: emitted steps have the bits of the interpreter, and
// what goes wrong is said.
//
// PUNA_PJRT_PLUGIN=/path/to/plugin.so runs the emitted steps on another plugin too, as XLA's for
// CPUs (PyPI xla-cpu-pjrt); without it that test is skipped.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "backend/pjrt/client.h"
#include "stablehlo/interpreter/program.h"
#include "stablehlo/llama_program.h"

namespace puna::pjrt {
namespace {

using stablehlo::ArgumentRole;
using stablehlo::ElementType;
using stablehlo::LlamaProgram;
using stablehlo::ProgramShape;
using testing::AnyOf;
using testing::HasSubstr;

// Of this process, removed at its end.
class CopiesFolder {
 public:
  CopiesFolder()
      : path_(std::filesystem::temp_directory_path() /
              ("puna_pjrt_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~CopiesFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  CopiesFolder(const CopiesFolder&) = delete;
  CopiesFolder& operator=(const CopiesFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A copy of the plugin has rules of its own: they are chosen when it is loaded.
std::filesystem::path plugin_path(const std::string& rules) {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  static const CopiesFolder kCopies;
  const auto copy = kCopies.path() / ("libpjrt_ref_" + rules + ".so");
  std::filesystem::copy_file(folder / "libpjrt_ref.so", copy,
                             std::filesystem::copy_options::skip_existing);
  return copy;
}

Result<std::shared_ptr<const Plugin>> open_reference(const std::string& rules) {
  setenv("PUNA_REFERENCE_PLUGIN", rules.c_str(), 1);
  return Plugin::open({.path = plugin_path(rules)});
}

DeviceClient client_of(const std::shared_ptr<const Plugin>& plugin, int64_t devices) {
  auto client = DeviceClient::create(plugin, {{"cpu_device_count", devices}});
  EXPECT_TRUE(client.ok()) << client.status().message();
  return std::move(client).value();
}

DeviceClient reference_client(const std::string& rules, int64_t devices = 4) {
  auto plugin = open_reference(rules);
  EXPECT_TRUE(plugin.ok()) << plugin.status().message();
  return client_of(*plugin, devices);
}

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

struct Step {
  std::string profile;
  int degree = 1;
  ElementType element = ElementType::kF32;
};

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
      uint32_t bits = 0;
      std::memcpy(&bits, &tensor.floats[i], sizeof bits);  // rounded: the low half is zero
      const auto high = static_cast<uint16_t>(bits >> 16);
      std::memcpy(&bytes[2 * i], &high, sizeof high);
    }
  } else if (tensor.type.is_float()) {
    std::memcpy(bytes.data(), tensor.floats.data(), bytes.size());
  } else {
    std::memcpy(bytes.data(), tensor.integers.data(), bytes.size());
  }
  return bytes;
}

// What a step gives on a client and by the interpreter, from the same inputs.
struct Comparison {
  std::vector<float> logits;
  std::vector<float> expected_logits;
  std::vector<int32_t> tokens;
  std::vector<int32_t> expected_tokens;
  int donated = 0;
};

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

const Step kSteps[] = {{"cpu", 1, ElementType::kF32},    {"cpu", 1, ElementType::kBf16},
                       {"cuda", 2, ElementType::kF32},   {"neuron", 2, ElementType::kBf16},
                       {"neuron", 4, ElementType::kF32}, {"tpu", 4, ElementType::kBf16}};

TEST(PjrtClient, RunsEmittedStepsOnEveryKindOfPlugin) {
  for (const char* rules : {"xla", "neuron", "old"}) {
    const DeviceClient client = reference_client(rules);
    for (const Step& step : kSteps) {
      const Comparison comparison = run_step(client, step);
      EXPECT_FALSE(comparison.logits.empty());
      EXPECT_EQ(comparison.logits, comparison.expected_logits) << rules << " " << step.profile;
      EXPECT_EQ(comparison.tokens, comparison.expected_tokens) << rules << " " << step.profile;
      EXPECT_EQ(comparison.donated, 4 * step.degree);
    }
  }
}

TEST(PjrtClient, RunsEmittedStepsOnThePluginOfTheEnvironment) {
  const char* const path = std::getenv("PUNA_PJRT_PLUGIN");
  if (path == nullptr) GTEST_SKIP() << "PUNA_PJRT_PLUGIN names no plugin";
  const auto plugin = Plugin::open({.path = path});
  ASSERT_TRUE(plugin.ok()) << plugin.status().message();
  const DeviceClient client = client_of(*plugin, 4);
  for (const Step& step : kSteps) {
    const Comparison comparison = run_step(client, step);
    EXPECT_FALSE(comparison.logits.empty());
    for (size_t i = 0; i < comparison.logits.size(); ++i) {
      ASSERT_NEAR(comparison.logits[i], comparison.expected_logits[i], 1e-5) << step.profile;
    }
    EXPECT_EQ(comparison.donated, 4 * step.degree);
  }
}

TEST(PjrtClient, SaysWhatItHasFound) {
  const auto plugin = open_reference("neuron");
  ASSERT_TRUE(plugin.ok()) << plugin.status().message();
  EXPECT_THAT((*plugin)->describe(), HasSubstr("libpjrt_ref_neuron.so, PJRT C API 0.104"));
  const DeviceClient client = client_of(*plugin, 3);
  EXPECT_EQ(client.device_count(), 3U);
  EXPECT_EQ(client.platform_name().value(), "reference");
  EXPECT_EQ(client.platform_version().value(), "reference 1");
  EXPECT_EQ(client.device_kind(2).value(), "reference");
}

TEST(PjrtPlugin, SaysWhyAFileIsNone) {
  const auto refusal = [](const std::filesystem::path& path) {
    const auto plugin = Plugin::open({.path = path});
    return plugin.ok() ? Status() : plugin.status();
  };
  EXPECT_EQ(refusal("/nowhere/plugin.so").code(), StatusCode::kNotFound);
  const auto folder = plugin_path("xla").parent_path();
  std::ofstream(folder / "text.so") << "no library";
  EXPECT_THAT(refusal(folder / "text.so").message(), HasSubstr("is no shared library"));
  const auto size = std::filesystem::file_size(plugin_path("xla"));
  for (const uintmax_t kept :
       {uintmax_t{0}, uintmax_t{63}, uintmax_t{64}, uintmax_t{4096}, size / 2, size - 1}) {
    const auto path = folder / ("cut_" + std::to_string(kept) + ".so");
    std::filesystem::copy_file(plugin_path("xla"), path);
    std::filesystem::resize_file(path, kept);
    EXPECT_THAT(refusal(path).message(), AnyOf(HasSubstr("is no shared library"),
                                               HasSubstr("is cut off: copy or install it again")))
        << kept;
  }
  // A whole library that is something else.
  EXPECT_THAT(refusal("/lib/x86_64-linux-gnu/libm.so.6").message(),
              HasSubstr("does not export GetPjrtApi"));
}

TEST(PjrtPlugin, SendsTheSizesOfTheVersionThatItIsTold) {
  // Neuron's rules want exactly those of 0.104; sizes of another version are refused.
  setenv("PUNA_REFERENCE_PLUGIN", "neuron", 1);
  const auto plugin = Plugin::open({.path = plugin_path("neuron"), .minor_version_max = 60});
  ASSERT_TRUE(plugin.ok()) << plugin.status().message();
  const auto client = DeviceClient::create(*plugin, {});
  ASSERT_FALSE(client.ok());
  EXPECT_THAT(client.status().message(),
              HasSubstr("a struct of 72 bytes where version 0.104 has 88"));
}

constexpr const char* kNegate =
    "module @m {\n  func.func public @main(%a: tensor<2xf32> {tf.aliasing_output = 0 : i32}) -> "
    "(tensor<2xf32>) {\n    %r = \"stablehlo.negate\"(%a) : (tensor<2xf32>) -> tensor<2xf32>\n"
    "    return %r : tensor<2xf32>\n  }\n}\n";
constexpr const char* kGather =
    "module @m {\n  func.func public @main(%a: tensor<2x1xf32>, %b: tensor<1xi32>) -> "
    "(tensor<1x1xf32>) {\n    %r = \"stablehlo.gather\"(%a, %b) {dimension_numbers = "
    "#stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], "
    "index_vector_dim = 1>, slice_sizes = array<i64: 1, 1>, indices_are_sorted = false} : "
    "(tensor<2x1xf32>, tensor<1xi32>) -> tensor<1x1xf32>\n    return %r : tensor<1x1xf32>\n  "
    "}\n}\n";

template <class T>
DeviceBuffer put(const DeviceClient& client, size_t device, const ArrayType& type,
                 const std::vector<T>& values) {
  auto buffer = client.upload(device, type, std::as_bytes(std::span(values)));
  EXPECT_TRUE(buffer.ok()) << buffer.status().message();
  return std::move(buffer).value();
}

TEST(PjrtClient, ADonatedBufferIsRefusedFromThenOn) {
  const DeviceClient client = reference_client("xla");
  const auto program = client.compile(kNegate, {});
  ASSERT_TRUE(program.ok()) << program.status().message();
  const DeviceBuffer input = put<float>(client, 0, {ElementCode::kF32, {2}}, {1, -2});
  const auto outputs = program->run({{&input}});
  ASSERT_TRUE(outputs.ok()) << outputs.status().message();
  EXPECT_EQ(download_floats((*outputs)[0][0], 2), (std::vector<float>{-1, 2}));
  EXPECT_THAT(program->run({{&input}}).status().message(), HasSubstr("was donated"));
  std::vector<float> values(2);
  EXPECT_FALSE(input.download(std::as_writable_bytes(std::span(values))).ok());
}

// At once, or only when the device is done.
TEST(PjrtClient, AnErrorOnTheDeviceIsTheRuns) {
  for (const char* rules : {"xla", "neuron"}) {
    const DeviceClient client = reference_client(rules);
    const auto program = client.compile(kGather, {});
    ASSERT_TRUE(program.ok()) << program.status().message();
    const DeviceBuffer table = put<float>(client, 0, {ElementCode::kF32, {2, 1}}, {1, 2});
    const DeviceBuffer index = put<int32_t>(client, 0, {ElementCode::kS32, {1}}, {2});
    const Status status = program->run({{&table, &index}}).status();
    EXPECT_EQ(status.code(), StatusCode::kOutOfRange) << rules;
    EXPECT_THAT(status.message(), HasSubstr("stablehlo.gather: index 2 leaves")) << rules;
  }
}

// Everything that a client does, with one call of the plugin failing.
Status do_everything(const std::shared_ptr<const Plugin>& plugin, int64_t fail_at_call) {
  ASSIGN_OR_RETURN(const DeviceClient client,
                   DeviceClient::create(plugin, {{"fail_at_call", fail_at_call}}));
  RETURN_IF_ERROR(client.platform_name().status());
  RETURN_IF_ERROR(client.device_kind(0).status());
  ASSIGN_OR_RETURN(const LoadedProgram program, client.compile(kNegate, {}));
  const std::vector<float> values = {1, 2};
  ASSIGN_OR_RETURN(const DeviceBuffer input,
                   client.upload(0, {ElementCode::kF32, {2}}, std::as_bytes(std::span(values))));
  ASSIGN_OR_RETURN(const LoadedProgram::Outputs outputs, program.run({{&input}}));
  RETURN_IF_ERROR(input.is_donated().status());
  std::vector<float> results(2);
  return outputs[0][0].download(std::as_writable_bytes(std::span(results)));
}

TEST(PjrtClient, AnyCallMayFailAndNothingLeaks) {
  const auto plugin = open_reference("xla");
  ASSERT_TRUE(plugin.ok()) << plugin.status().message();
  int64_t failures = 0;
  for (; failures < 100; ++failures) {
    const Status status = do_everything(*plugin, failures + 1);
    if (status.ok()) break;
    EXPECT_EQ(status.message(), "this call fails on purpose");
    EXPECT_EQ(status.code(), StatusCode::kInternal);
  }
  EXPECT_GE(failures, 15);
  EXPECT_LT(failures, 100);
}

TEST(PjrtClient, AFunctionThatThePluginHasNotIsAnError) {
  const DeviceClient client = reference_client("sparse");
  const Status status = client.compile(kNegate, {}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(status.message(), HasSubstr("has no function 20 of the PJRT C API"));
}

TEST(PjrtClient, RefusesWhatDoesNotFitTogether) {
  const DeviceClient client = reference_client("xla", 2);
  EXPECT_THAT(client.compile("module { what }", {}).status().message(), HasSubstr("line 1"));
  EXPECT_THAT(client.compile(kNegate, {.replicas = 2}).status().message(),
              HasSubstr("options for 2 replicas"));
  EXPECT_THAT(client.compile(kNegate, {.replicas = 3}).status().message(),
              HasSubstr("for 3 devices, and there are 2"));
  const auto program = client.compile(kNegate, {});
  ASSERT_TRUE(program.ok()) << program.status().message();
  const DeviceBuffer elsewhere = put<float>(client, 1, {ElementCode::kF32, {2}}, {1, 2});
  EXPECT_THAT(program->run({{&elsewhere}}).status().message(), HasSubstr("is on device 1"));
  const DeviceBuffer longer = put<float>(client, 0, {ElementCode::kF32, {3}}, {1, 2, 3});
  EXPECT_FALSE(program->run({{&longer}}).ok());
  EXPECT_FALSE(program->run({{}}).ok());
  EXPECT_FALSE(program->run({}).ok());
  const std::vector<float> one = {1};
  EXPECT_FALSE(client.upload(0, {ElementCode::kF32, {2}}, std::as_bytes(std::span(one))).ok());
  EXPECT_FALSE(client.upload(2, {ElementCode::kF32, {1}}, std::as_bytes(std::span(one))).ok());
  const auto unknown = open_reference("xla");
  ASSERT_TRUE(unknown.ok());
  EXPECT_THAT(DeviceClient::create(*unknown, {{"fast", true}}).status().message(),
              HasSubstr("unknown option fast"));
}

}  // namespace
}  // namespace puna::pjrt
