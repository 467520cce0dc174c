// Texts of single operations, and operations that do not fit.

#include "stablehlo/program_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace puna::stablehlo {
namespace {

using testing::HasSubstr;
using testing::Not;

const TensorType kRow = {ElementType::kF32, {2, 3}};

std::string text_of(const ProgramBuilder& builder) {
  const auto text = builder.finish();
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : "";
}

TEST(ProgramBuilder, WritesAFunctionInGenericForm) {
  ProgramBuilder builder({});
  const Value a = builder.argument("a", kRow);
  builder.result(builder.add(a, builder.splat(0.1, kRow)));
  EXPECT_EQ(
      text_of(builder),
      "module @puna attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {\n"
      "  func.func public @main(%a: tensor<2x3xf32>) -> (tensor<2x3xf32>) {\n"
      "    %0 = \"stablehlo.constant\"() {value = dense<1.000000000e-01> : tensor<f32>} : () -> "
      "tensor<f32>\n"
      "    %1 = \"stablehlo.broadcast_in_dim\"(%0) {broadcast_dimensions = array<i64>} : "
      "(tensor<f32>) -> tensor<2x3xf32>\n"
      "    %2 = \"stablehlo.add\"(%a, %1) : (tensor<2x3xf32>, tensor<2x3xf32>) -> "
      "tensor<2x3xf32>\n"
      "    return %2 : tensor<2x3xf32>\n"
      "  }\n"
      "}\n");
}

TEST(ProgramBuilder, LeavesOutWhatChangesNothing) {
  ProgramBuilder builder({});
  const Value a = builder.argument("a", kRow);
  EXPECT_EQ(builder.convert(a, ElementType::kF32).name, "%a");
  EXPECT_EQ(builder.reshape(a, {2, 3}).name, "%a");
  EXPECT_EQ(builder.slice(a, 1, 0, 3).name, "%a");
  EXPECT_EQ(builder.sum_over_devices(a).name, "%a");
  EXPECT_EQ(builder.concatenate_over_devices(a, 0).name, "%a");
}

TEST(ProgramBuilder, GivesAnArgumentsMemoryToAResult) {
  ProgramBuilder builder({});
  const Value a = builder.argument("a", kRow);
  builder.result(a);
  builder.result_in_place_of(a, builder.negate(a));
  EXPECT_THAT(text_of(builder), HasSubstr("%a: tensor<2x3xf32> {tf.aliasing_output = 1 : i32}"));
}

// The sum of a tensor whose first dimension the devices divide.
std::string sum_of_parts(DeviceGroup devices) {
  ProgramBuilder builder(devices);
  const Value a = builder.argument("a", kRow, 0);
  builder.result(builder.sum_over_devices(a));
  return text_of(builder);
}

TEST(ProgramBuilder, ReplicasHaveGroupsAndLocalShapes) {
  const std::string text = sum_of_parts({2, TensorParallelMode::kReplicas});
  EXPECT_THAT(text, HasSubstr("mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 2 : i32"));
  EXPECT_THAT(text, HasSubstr("@main(%a: tensor<2x3xf32>) -> (tensor<2x3xf32>)"));
  EXPECT_THAT(text, HasSubstr("{replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>}"));
  EXPECT_THAT(text, Not(HasSubstr("channel_handle")));
}

TEST(ProgramBuilder, PartitionsHaveAMeshGlobalShapesAndChannels) {
  const std::string text = sum_of_parts({2, TensorParallelMode::kPartitions});
  EXPECT_THAT(text, HasSubstr("mhlo.num_partitions = 2 : i32, mhlo.num_replicas = 1 : i32"));
  EXPECT_THAT(text, HasSubstr("mesh = #sdy.mesh<[\"tp\"=2]>"));
  EXPECT_THAT(text, HasSubstr("@main(%arg0: tensor<4x3xf32> {sdy.sharding = "
                              "#sdy.sharding<@mesh, [{\"tp\"}, {}]>})"));
  EXPECT_THAT(text, HasSubstr("^bb0(%a: tensor<2x3xf32>)"));
  EXPECT_THAT(text, HasSubstr("#stablehlo.channel_handle<handle = 1, type = 1>"));
}

TEST(ProgramBuilder, SaysWhichOperationWasWrongFirst) {
  ProgramBuilder builder({});
  const Value a = builder.argument("a", kRow);
  const Value b = builder.argument("b", {ElementType::kF32, {3, 2}});
  const Value wrong = builder.add(a, b);
  builder.result(builder.multiply(wrong, builder.transpose(wrong, {0, 0})));
  const auto text = builder.finish();
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.status().message(),
            "stablehlo.add does not take (tensor<2x3xf32>, tensor<3x2xf32>) ");
}

// What an operation that does not fit leaves behind.
template <class Operation>
bool is_refused(Operation operation) {
  ProgramBuilder builder({2, TensorParallelMode::kReplicas});
  const Value floats = builder.argument("floats", kRow);
  const Value integers = builder.argument("integers", {ElementType::kI32, {2, 3}});
  builder.result(operation(builder, floats, integers));
  return !builder.finish().ok();
}

TEST(ProgramBuilder, RefusesShapesAndTypesThatDoNotFit) {
  using B = ProgramBuilder;
  using V = const Value&;
  EXPECT_TRUE(is_refused([](B& b, V f, V) { return b.reshape(f, {7}); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V) { return b.transpose(f, {0}); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V) { return b.broadcast(f, {2, 4}, {0, 1}); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V) { return b.broadcast(f, {3, 2}, {1, 0}); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V) { return b.slice(f, 1, 2, 4); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V) { return b.slice(f, 2, 0, 1); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V i) { return b.dynamic_rows(f, i, 1); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V i) { return b.concatenate(f, i, 0); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V) { return b.gather_rows(f, f); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V i) { return b.write_slots(f, i, f); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V i) { return b.add(f, i); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V) { return b.both(f, f); }));
  EXPECT_TRUE(is_refused([](B& b, V, V i) { return b.exponential(i); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V i) { return b.select(f, i, i); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V) { return b.reduce(Reduction::kSum, f, {2}, 0); }));
  EXPECT_TRUE(is_refused([](B& b, V, V i) {
    return b.dot(i, i, {.lhs_contracting = {1}, .rhs_contracting = {1}}, ElementType::kF32);
  }));
  EXPECT_TRUE(is_refused([](B& b, V f, V) {
    return b.dot(f, f, {.lhs_contracting = {0}, .rhs_contracting = {1}}, ElementType::kF32);
  }));
  EXPECT_TRUE(is_refused([](B& b, V, V i) { return b.sum_over_devices(i); }));
  EXPECT_TRUE(is_refused([](B& b, V f, V) { return b.concatenate_over_devices(f, 2); }));
  EXPECT_FALSE(is_refused([](B& b, V f, V) { return b.concatenate_over_devices(f, 1); }));
}

}  // namespace
}  // namespace puna::stablehlo
