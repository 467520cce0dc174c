// The PJRT client against the reference plugin: emitted steps have the bits of the interpreter, and
// what goes wrong is said.
//
// PUNA_PJRT_PLUGIN=/path/to/plugin.so runs the emitted steps on another plugin too, as XLA's for
// CPUs (PyPI xla-cpu-pjrt); without it that test is skipped.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backend/pjrt/client.h"
#include "backend/test_plugin.h"
#include "emitted_step.h"

namespace puna::pjrt {
namespace {

using stablehlo::ElementType;
using testing::AnyOf;
using testing::HasSubstr;

Result<std::shared_ptr<const Plugin>> open_reference(const std::string& rules) {
  return Plugin::open({.path = reference_plugin(rules)});
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
  EXPECT_EQ(client.platform_name().value(), "neuron");
  EXPECT_EQ(client.platform_version().value(), "reference 1");
  EXPECT_EQ(client.device_kind(2).value(), "neuron");
}

TEST(PjrtPlugin, SaysWhyAFileIsNone) {
  const auto refusal = [](const std::filesystem::path& path) {
    const auto plugin = Plugin::open({.path = path});
    return plugin.ok() ? Status() : plugin.status();
  };
  EXPECT_EQ(refusal("/nowhere/plugin.so").code(), StatusCode::kNotFound);
  const auto folder = reference_plugin("xla").parent_path();
  std::ofstream(folder / "text.so") << "no library";
  EXPECT_THAT(refusal(folder / "text.so").message(), HasSubstr("is no shared library"));
  const auto size = std::filesystem::file_size(reference_plugin("xla"));
  for (const uintmax_t kept :
       {uintmax_t{0}, uintmax_t{63}, uintmax_t{64}, uintmax_t{4096}, size / 2, size - 1}) {
    const auto path = folder / ("cut_" + std::to_string(kept) + ".so");
    std::filesystem::copy_file(reference_plugin("xla"), path);
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
  const auto plugin = Plugin::open({.path = reference_plugin("neuron"), .minor_version_max = 60});
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
