// Operations by hand-made values, and what the interpreter refuses: in the text, and at run time.

#include "stablehlo/interpreter/program.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace puna::interpreter {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;

Tensor floats(Dimensions shape, std::vector<float> values, Element element = Element::kF32) {
  return {{element, std::move(shape)}, std::move(values), {}};
}

Tensor integers(Dimensions shape, std::vector<int32_t> values) {
  return {{Element::kI32, std::move(shape)}, {}, std::move(values)};
}

// A module of one operation: `operation` is what stands between "%r = " and " : (…)".
std::string module_of(const std::string& operation, const std::vector<std::string>& types,
                      const std::string& result, const std::string& attributes = "") {
  std::string arguments;
  std::string list;
  for (size_t i = 0; i < types.size(); ++i) {
    const std::string_view comma = i == 0 ? "" : ", ";
    arguments += fmt::format("{}%{}: {}", comma, static_cast<char>('a' + i), types[i]);
    list += fmt::format("{}{}", comma, types[i]);
  }
  return fmt::format(
      "module @m{} {{\n  func.func public @main({}) -> ({}) {{\n"
      "    %r = {} : ({}) -> {}\n    return %r : {}\n  }}\n}}\n",
      attributes, arguments, result, operation, list, result, result);
}

Status parse_error(const std::string& text) {
  const auto program = parse_program(text);
  return program.ok() ? Status() : program.status();
}

Result<Tensor> run(const std::string& text, const std::vector<Tensor>& inputs) {
  auto program = parse_program(text);
  if (!program.ok()) return program.status();
  Program::Values values(1);
  for (const Tensor& input : inputs) values[0].push_back(std::make_shared<const Tensor>(input));
  ASSIGN_OR_RETURN(const Program::Values results, program->run(values));
  return *results[0][0];
}

std::vector<float> floats_of(const std::string& text, const std::vector<Tensor>& inputs) {
  const auto result = run(text, inputs);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? result->floats : std::vector<float>();
}

const std::string kF2 = "tensor<2xf32>";
const std::string kF23 = "tensor<2x3xf32>";

TEST(Interpreter, ComputesElementByElement) {
  const Tensor a = floats({2}, {1, -4});
  const Tensor b = floats({2}, {8, 2});
  const auto binary = [&](const std::string& op) {
    return floats_of(module_of("\"stablehlo." + op + "\"(%a, %b)", {kF2, kF2}, kF2), {a, b});
  };
  EXPECT_THAT(binary("add"), ElementsAre(9, -2));
  EXPECT_THAT(binary("subtract"), ElementsAre(-7, -6));
  EXPECT_THAT(binary("multiply"), ElementsAre(8, -8));
  EXPECT_THAT(binary("divide"), ElementsAre(0.125F, -2));
  EXPECT_THAT(binary("maximum"), ElementsAre(8, 2));
  EXPECT_THAT(binary("minimum"), ElementsAre(1, -4));
  const auto unary = [&](const std::string& op) {
    return floats_of(module_of("\"stablehlo." + op + "\"(%a)", {kF2}, kF2), {b});
  };
  EXPECT_THAT(unary("negate"), ElementsAre(-8, -2));
  EXPECT_THAT(unary("exponential"), ElementsAre(FloatEq(std::exp(8.0F)), FloatEq(std::exp(2.0F))));
  EXPECT_THAT(unary("rsqrt"), ElementsAre(FloatEq(0.35355338F), FloatEq(0.70710677F)));
  EXPECT_THAT(unary("logistic"), ElementsAre(FloatEq(0.99966466F), FloatEq(0.880797F)));
}

TEST(Interpreter, ANanSurvivesAMaximum) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto result = floats_of(module_of("\"stablehlo.maximum\"(%a, %b)", {kF2, kF2}, kF2),
                                {floats({2}, {nan, 1}), floats({2}, {1, nan})});
  EXPECT_TRUE(std::isnan(result[0]));
  EXPECT_TRUE(std::isnan(result[1]));
}

TEST(Interpreter, Bf16RoundsToNearestEven) {
  const std::string type = "tensor<2xbf16>";
  const auto result =
      run(module_of("\"stablehlo.add\"(%a, %b)", {type, type}, type),
          {floats({2}, {1, 256}, Element::kBf16), floats({2}, {0x1p-8F, 1}, Element::kBf16)});
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_THAT(result->floats, ElementsAre(1, 256));  // both are ties
}

TEST(Interpreter, MovesValues) {
  const Tensor a = floats({2, 3}, {0, 1, 2, 3, 4, 5});
  const auto moved = [&](const std::string& operation, const std::string& result) {
    return floats_of(module_of(operation, {kF23}, result), {a});
  };
  EXPECT_THAT(
      moved("\"stablehlo.transpose\"(%a) {permutation = array<i64: 1, 0>}", "tensor<3x2xf32>"),
      ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(moved("\"stablehlo.reshape\"(%a)", "tensor<6xf32>"), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(moved("\"stablehlo.slice\"(%a) {start_indices = array<i64: 0, 1>, limit_indices = "
                    "array<i64: 2, 3>, strides = array<i64: 1, 1>}",
                    "tensor<2x2xf32>"),
              ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(moved("\"stablehlo.slice\"(%a) {start_indices = array<i64: 1, 0>, limit_indices = "
                    "array<i64: 2, 3>, strides = array<i64: 1, 2>}",
                    "tensor<1x2xf32>"),
              ElementsAre(3, 5));
  EXPECT_THAT(floats_of(module_of("\"stablehlo.broadcast_in_dim\"(%a) {broadcast_dimensions = "
                                  "array<i64: 1>}",
                                  {kF2}, "tensor<2x2xf32>"),
                        {floats({2}, {7, 8})}),
              ElementsAre(7, 8, 7, 8));
  EXPECT_THAT(floats_of(module_of("\"stablehlo.concatenate\"(%a, %b) {dimension = 1 : i64}",
                                  {kF23, "tensor<2x1xf32>"}, "tensor<2x4xf32>"),
                        {a, floats({2, 1}, {8, 9})}),
              ElementsAre(0, 1, 2, 8, 3, 4, 5, 9));
}

TEST(Interpreter, ReducesAndMultiplies) {
  const Tensor a = floats({2, 3}, {0, 1, 2, 3, 4, 5});
  EXPECT_THAT(
      floats_of(
          module_of("\"stablehlo.reduce\"(%a, %b) ({ ^bb0(%x: tensor<f32>, %y: tensor<f32>): "
                    "%z = \"stablehlo.add\"(%x, %y) : (tensor<f32>, tensor<f32>) -> tensor<f32> "
                    "\"stablehlo.return\"(%z) : (tensor<f32>) -> () }) "
                    "{dimensions = array<i64: 1>}",
                    {kF23, "tensor<f32>"}, kF2),
          {a, floats({}, {10})}),
      ElementsAre(13, 22));
  // Batches of dimension 0: [2, 3] x [2, 3, 2].
  EXPECT_THAT(
      floats_of(module_of("\"stablehlo.dot_general\"(%a, %b) {dot_dimension_numbers = "
                          "#stablehlo.dot<lhs_batching_dimensions = [0], "
                          "rhs_batching_dimensions = [0], lhs_contracting_dimensions = [1], "
                          "rhs_contracting_dimensions = [1]>}",
                          {kF23, "tensor<2x3x2xf32>"}, "tensor<2x2xf32>"),
                {a, floats({2, 3, 2}, {1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 0})}),
      ElementsAre(2, 3, 3, 4));
}

const std::string kGather =
    "\"stablehlo.gather\"(%a, %b) {dimension_numbers = #stablehlo.gather<offset_dims = [1], "
    "collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = "
    "array<i64: 1, 3>, indices_are_sorted = false}";
const std::string kScatter =
    "\"stablehlo.scatter\"(%a, %b, %c) ({ ^bb0(%x: tensor<f32>, %y: tensor<f32>): "
    "\"stablehlo.return\"(%y) : (tensor<f32>) -> () }) {scatter_dimension_numbers = "
    "#stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], "
    "scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, indices_are_sorted = false, "
    "unique_indices = true}";

TEST(Interpreter, FindsAndWritesRowsByIndex) {
  const Tensor a = floats({2, 3}, {0, 1, 2, 3, 4, 5});
  const std::string gather = module_of(kGather, {kF23, "tensor<3xi32>"}, "tensor<3x3xf32>");
  EXPECT_THAT(floats_of(gather, {a, integers({3}, {1, 0, 1})}),
              ElementsAre(3, 4, 5, 0, 1, 2, 3, 4, 5));
  const std::string scatter = module_of(kScatter, {kF23, "tensor<2xi32>", kF23}, kF23);
  EXPECT_THAT(floats_of(scatter, {a, integers({2}, {1, 0}), floats({2, 3}, {9, 9, 9, 8, 8, 8})}),
              ElementsAre(8, 8, 8, 9, 9, 9));
}

TEST(Interpreter, RefusesIndicesThatLeaveTheirTensor) {
  const Tensor a = floats({2, 3}, {0, 1, 2, 3, 4, 5});
  const std::string gather = module_of(kGather, {kF23, "tensor<1xi32>"}, "tensor<1x3xf32>");
  for (const int32_t index : {-1, 2, std::numeric_limits<int32_t>::max()}) {
    const auto result = run(gather, {a, integers({1}, {index})});
    EXPECT_EQ(result.status().code(), StatusCode::kOutOfRange) << index;
    EXPECT_THAT(result.status().message(), HasSubstr("line 3: stablehlo.gather: index"));
  }
  const std::string slice =
      module_of("\"stablehlo.dynamic_slice\"(%a, %b, %c) {slice_sizes = array<i64: 1, 2>}",
                {kF23, "tensor<i32>", "tensor<i32>"}, "tensor<1x2xf32>");
  EXPECT_THAT(floats_of(slice, {a, integers({}, {1}), integers({}, {1})}), ElementsAre(4, 5));
  EXPECT_EQ(run(slice, {a, integers({}, {1}), integers({}, {2})}).status().code(),
            StatusCode::kOutOfRange);
}

TEST(Interpreter, RefusesToWriteAUniqueElementTwice) {
  const std::string scatter = module_of(kScatter, {kF23, "tensor<2xi32>", kF23}, kF23);
  const Tensor rows = floats({2, 3}, {0, 1, 2, 3, 4, 5});
  EXPECT_THAT(run(scatter, {rows, integers({2}, {1, 1}), rows}).status().message(),
              HasSubstr("written twice"));
}

// What Neuron does not have, and what the text says wrongly.
TEST(Interpreter, RefusesProgramsWithTheLineAndTheReason) {
  const std::string i2 = "tensor<2xi32>";
  const auto refusal = [](const std::string& operation, const std::vector<std::string>& types,
                          const std::string& result) {
    return parse_error(module_of(operation, types, result)).message();
  };
  EXPECT_THAT(refusal("\"stablehlo.sort\"(%a)", {kF2}, kF2),
              HasSubstr("line 3: stablehlo.sort: it is not on the list of operations"));
  EXPECT_THAT(
      refusal("\"stablehlo.dot_general\"(%a, %b) {dot_dimension_numbers = "
              "#stablehlo.dot<lhs_contracting_dimensions = [0], rhs_contracting_dimensions = "
              "[0]>}",
              {i2, i2}, "tensor<i32>"),
      HasSubstr("multiplies floats"));
  EXPECT_THAT(refusal("\"stablehlo.add\"(%a, %b)", {kF2, kF23}, kF2), HasSubstr("different types"));
  EXPECT_THAT(refusal("\"stablehlo.add\"(%a, %z)", {kF2, kF2}, kF2),
              HasSubstr("%z is not defined"));
  EXPECT_THAT(refusal("\"stablehlo.negate\"(%a)", {kF2}, kF23), HasSubstr("the text says"));
  EXPECT_THAT(refusal("\"stablehlo.negate\"(%a) {fast = true}", {kF2}, kF2),
              HasSubstr("attribute fast is not known"));
  EXPECT_THAT(refusal("\"stablehlo.iota\"() {iota_dimension = 1 : i64}", {}, i2),
              HasSubstr("stablehlo.iota"));
  EXPECT_THAT(refusal("\"stablehlo.constant\"() {value = dense<1.0> : tensor<100000xf32>}", {},
                      "tensor<100000xf32>"),
              HasSubstr("weights are arguments"));
  EXPECT_THAT(refusal("\"stablehlo.negate\"(%a)", {"tensor<?xf32>"}, "tensor<?xf32>"),
              HasSubstr("is expected before '?xf32>"));
  EXPECT_THAT(refusal("\"stablehlo.negate\"(%a)", {"tensor<2xf64>"}, "tensor<2xf64>"),
              HasSubstr("f32, bf16, i32, i8 or i1 is expected"));
  EXPECT_THAT(refusal("\"stablehlo.reshape\"(%a)", {"tensor<99999x99999xf32>"}, kF2),
              HasSubstr("too many elements"));
}

std::string all_reduce(const std::string& head, const std::string& attributes) {
  return module_of(
      "\"stablehlo.all_reduce\"(%a) ({ ^bb0(%x: tensor<f32>, %y: tensor<f32>): %z = "
      "\"stablehlo.add\"(%x, %y) : (tensor<f32>, tensor<f32>) -> tensor<f32> "
      "\"stablehlo.return\"(%z) : (tensor<f32>) -> () }) {" +
          attributes + "}",
      {kF2}, kF2, head);
}

TEST(Interpreter, DevicesAddTheirParts) {
  const auto program =
      parse_program(all_reduce(" attributes {mhlo.num_replicas = 2 : i32}",
                               "replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>"));
  ASSERT_TRUE(program.ok()) << program.status().message();
  const auto results = program->run({{std::make_shared<const Tensor>(floats({2}, {1, 2}))},
                                     {std::make_shared<const Tensor>(floats({2}, {10, 20}))}});
  ASSERT_TRUE(results.ok()) << results.status().message();
  for (const auto& device : *results) EXPECT_THAT(device[0]->floats, ElementsAre(11, 22));
}

TEST(Interpreter, RefusesGroupsThatAreNotAllDevices) {
  const std::string two = " attributes {mhlo.num_replicas = 2 : i32}";
  EXPECT_THAT(parse_error(all_reduce(two, "replica_groups = dense<[[0], [1]]> : tensor<2x1xi64>"))
                  .message(),
              HasSubstr("its one group has all 2 devices"));
  EXPECT_THAT(
      parse_error(all_reduce(two, "replica_groups = dense<[[1, 0]]> : tensor<1x2xi64>")).message(),
      HasSubstr("in order"));
  EXPECT_THAT(parse_error(all_reduce(two,
                                     "replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, "
                                     "channel_handle = #stablehlo.channel_handle<handle = 1, "
                                     "type = 1>"))
                  .message(),
              HasSubstr("are for partitions"));
  EXPECT_THAT(parse_error(module_of("\"stablehlo.negate\"(%a)", {kF2}, kF2,
                                    " attributes {mhlo.num_partitions = 2 : i32}"))
                  .message(),
              HasSubstr("need one sdy.mesh"));
}

TEST(Interpreter, RefusesInputsOfOtherTypes) {
  const auto program = parse_program(module_of("\"stablehlo.negate\"(%a)", {kF2}, kF2));
  ASSERT_TRUE(program.ok()) << program.status().message();
  const auto input = [](Tensor tensor) {
    return std::make_shared<const Tensor>(std::move(tensor));
  };
  EXPECT_FALSE(program->run({{input(floats({3}, {1, 2, 3}))}}).ok());
  EXPECT_FALSE(program->run({{}}).ok());
  EXPECT_FALSE(program->run({}).ok());
}

}  // namespace
}  // namespace puna::interpreter
