// AWQ and GPTQ checkpoints against the readers of AutoAWQ and AutoGPTQ
// (tools/goldens/make_int4_goldens.py), and damaged layers.

#include "model/int4_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "model/checkpoint.h"
#include "model/inspect.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* name;
  TensorType type;
  int group;
  bool symmetric;
};

class Int4Checkpoint : public ::testing::TestWithParam<Case> {
 protected:
  std::string folder() const { return std::string("tests/golden/int4/") + GetParam().name; }
  Json golden_rows() const {
    std::ifstream file(folder() + "/rows.json");
    return parse_json(std::string((std::istreambuf_iterator<char>(file)), {})).value()["rows"];
  }
};

TEST_P(Int4Checkpoint, HasTheRowsThatItsLibraryReads) {
  const auto checkpoint = open_checkpoint(folder());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const WeightSource& weights = *checkpoint->weights;
  const Json golden = golden_rows();
  ASSERT_EQ(golden.size(), 7U);
  for (const auto& [name, rows] : golden.items()) {
    ASSERT_EQ(weights.find(name)->type, GetParam().type);
    ASSERT_EQ(weights.quantised_layout(name),
              (QuantisedLayout{.group = GetParam().group, .symmetric = GetParam().symmetric}));
    for (const auto& [row, expected] : rows.items()) {
      std::vector<float> values(expected.size());
      QuantisedRows stored;
      ASSERT_TRUE(weights.read_rows(name, std::stoi(row), 1, values).ok());
      ASSERT_TRUE(weights.read_quantised_rows(name, std::stoi(row), 1, stored).ok());
      ASSERT_EQ(stored.offsets.empty(), GetParam().symmetric);
      for (size_t k = 0; k < values.size(); ++k) {
        const size_t group = k / static_cast<size_t>(stored.group);
        const float scale = stored.scales[group];
        const float offset = stored.symmetric ? -8 * scale : stored.offsets[group];
        const auto wanted = expected[k].get<float>();
        ASSERT_NEAR(values[k], wanted, 1e-7) << name << " row " << row << " channel " << k;
        ASSERT_NEAR(scale * static_cast<float>(stored.values[k]) + offset, wanted, 1e-7);
      }
    }
  }
}

TEST_P(Int4Checkpoint, RowsReadTogetherAreTheRowsReadAlone) {
  const auto checkpoint = open_checkpoint(folder());
  ASSERT_TRUE(checkpoint.ok());
  const char* name = "model.layers.0.mlp.down_proj.weight";
  constexpr size_t kColumns = 256;
  std::vector<float> all(128 * kColumns);
  ASSERT_TRUE(checkpoint->weights->read_rows(name, 0, 128, all).ok());
  std::vector<float> some(11 * kColumns);
  ASSERT_TRUE(checkpoint->weights->read_rows(name, 5, 11, some).ok());
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin() + 5 * kColumns));
  EXPECT_FALSE(checkpoint->weights->read_rows(name, 120, 11, some).ok());
  QuantisedRows rows;
  EXPECT_FALSE(checkpoint->weights->read_quantised_rows(name, 128, 1, rows).ok());
}

TEST_P(Int4Checkpoint, OtherTensorsPassThrough) {
  const auto checkpoint = open_checkpoint(folder());
  ASSERT_TRUE(checkpoint.ok());
  const WeightSource& weights = *checkpoint->weights;
  QuantisedRows rows;
  std::vector<float> norm(128);
  ASSERT_TRUE(weights.read_rows("model.norm.weight", 0, 1, norm).ok());
  EXPECT_EQ(norm, std::vector<float>(128, 1.0F));
  EXPECT_FALSE(weights.quantised_layout("model.embed_tokens.weight"));
  EXPECT_FALSE(weights.read_quantised_rows("model.embed_tokens.weight", 0, 1, rows).ok());
  EXPECT_EQ(weights.tensors().size(), 7U + 4U);  // without scales, zeros and biases of zeros
}

TEST_P(Int4Checkpoint, InspectNamesTheQuantisation) {
  const auto checkpoint = open_checkpoint(folder());
  ASSERT_TRUE(checkpoint.ok());
  const CheckpointSummary summary = summarize(*checkpoint);
  EXPECT_THAT(describe(summary, TextSummary()),
              HasSubstr(fmt::format("4 bits in groups of {}", GetParam().group)));
  EXPECT_EQ(to_json(summary, TextSummary())["quantization"]["group_size"], GetParam().group);
}

INSTANTIATE_TEST_SUITE_P(Packings, Int4Checkpoint,
                         ::testing::Values(Case{"awq_32", TensorType::kAwq, 32, false},
                                           Case{"awq_128", TensorType::kAwq, 128, false},
                                           Case{"gptq_symmetric_128", TensorType::kGptq, 128, true},
                                           Case{"gptq_64", TensorType::kGptq, 64, false},
                                           Case{"gptq_v2_32", TensorType::kGptq, 32, false}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

// A copy of a golden checkpoint that a test may change.
class Copy {
 public:
  explicit Copy(const char* name)
      : path_(std::filesystem::temp_directory_path() /
              fmt::format("puna_int4_{}_{}", getpid(),
                          ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(path_);
    std::filesystem::copy(std::string("tests/golden/int4/") + name, path_);
  }
  ~Copy() { std::filesystem::remove_all(path_); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  std::string read(const char* name) const {
    std::ifstream file(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const char* name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary | std::ios::trunc) << bytes;
  }
  // Sets the last byte of a stored tensor.
  void damage(const std::string& tensor, char value) const {
    std::string bytes = read("model.safetensors");
    uint64_t header = 0;
    std::memcpy(&header, bytes.data(), sizeof header);
    const Json parsed = parse_json(bytes.substr(8, header)).value();
    const auto end = parsed[tensor]["data_offsets"][1].get<uint64_t>();
    bytes[8 + header + end - 1] = value;
    write("model.safetensors", bytes);
  }
  std::string refusal() const {
    const auto opened = open_checkpoint(path_);
    return opened.ok() ? "opened" : opened.status().message();
  }

 private:
  std::filesystem::path path_;
};

TEST(Int4Weights, PackedWeightsThatNothingDescribesAreRefused) {
  const Copy copy("awq_32");
  Json config = parse_json(copy.read("config.json")).value();
  config.erase("quantization_config");
  copy.write("config.json", dump_json(config));
  EXPECT_THAT(copy.refusal(), HasSubstr("quantization_config"));
}

TEST(Int4Weights, AnotherPackingThanTheDescribedOneIsRefusedByItsShapes) {
  const Copy copy("gptq_64");
  Json config = parse_json(copy.read("config.json")).value();
  config["quantization_config"] =
      parse_json(R"({"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemm"})")
          .value();
  copy.write("config.json", dump_json(config));
  EXPECT_THAT(copy.refusal(), HasSubstr("qweight"));
}

TEST(Int4Weights, ABiasThatTheConfigDoesNotKnowMustBeZero) {
  const Copy copy("gptq_64");
  EXPECT_EQ(copy.refusal(), "opened");
  copy.damage("model.layers.0.mlp.up_proj.bias", 0x3C);
  EXPECT_THAT(copy.refusal(), HasSubstr("mlp_bias"));
}

TEST(Int4Weights, ReorderedChannelsOfACheckpointAreRefused) {
  const Copy copy("gptq_64");
  copy.damage("model.layers.0.mlp.up_proj.g_idx", 1);
  EXPECT_THAT(copy.refusal(), HasSubstr("desc_act"));
}

// The tensors of a GPTQ layer of 64 inputs and 8 outputs, in groups of 32; a test damages one.
struct Layer {
  std::vector<int32_t> words = std::vector<int32_t>(64, 0x12345678);
  std::vector<int32_t> zeros = std::vector<int32_t>(2, 0x77777777);
  std::vector<uint16_t> scale_bits = std::vector<uint16_t>(16, 0x3C00);  // 1
  std::vector<int32_t> groups = std::vector<int32_t>(64);
  SafetensorsTensor qweight = {"m.qweight", "I32", {}, {8, 8}, std::as_bytes(std::span(words))};
  SafetensorsTensor qzeros = {"m.qzeros", "I32", {}, {2, 1}, std::as_bytes(std::span(zeros))};
  SafetensorsTensor scales = {
      "m.scales", "F16", TensorType::kF16, {2, 8}, std::as_bytes(std::span(scale_bits))};
  SafetensorsTensor g_idx = {"m.g_idx", "I32", {}, {64}, std::as_bytes(std::span(groups))};
  Int4Parts parts = {&qweight, &qzeros, &scales, &g_idx};
  QuantisationConfig config = {.packing = Int4Packing::kGptq,
                               .group_size = 32,
                               .has_zeros = true,
                               .zeros_are_less_one = true};

  Layer() {
    for (size_t k = 0; k < 64; ++k) groups[k] = static_cast<int32_t>(k / 32);
  }
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  Result<Int4Matrix> open() const { return Int4Matrix::open(config, "m", parts); }
  std::string refusal() const {
    const auto opened = open();
    return opened.ok() ? "opened" : opened.status().message();
  }
};

TEST(Int4Matrix, OpensAWholeLayer) {
  const Layer layer;
  const auto matrix = layer.open();
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  EXPECT_EQ(matrix->row_count(), 8);
  EXPECT_EQ(matrix->column_count(), 64);
  EXPECT_TRUE(matrix->is_symmetric());
  QuantisedRows rows;
  matrix->read(3, 2, false, rows);
  EXPECT_EQ(std::vector<uint8_t>(rows.values.begin(), rows.values.begin() + 8),
            (std::vector<uint8_t>{8, 7, 6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(rows.offsets, std::vector<float>(4, -8.0F));
}

TEST(Int4Matrix, OneZeroThatIsNotEightMakesAllOffsetsCount) {
  Layer layer;
  layer.zeros[1] = 0x77777776;
  const auto matrix = layer.open();
  ASSERT_TRUE(matrix.ok());
  EXPECT_FALSE(matrix->is_symmetric());
  QuantisedRows rows;
  matrix->read(0, 8, false, rows);
  EXPECT_EQ(rows.offsets[0], -8.0F);
  EXPECT_EQ(rows.offsets[1], -7.0F);
  EXPECT_EQ(rows.offsets[3], -8.0F);
}

// GPTQModel subtracts from whole words: a zero of 0 borrows from its neighbour.
TEST(Int4Matrix, ABorrowOfGptqsFirstFormatIsGivenBack) {
  Layer layer;
  layer.zeros = {static_cast<int32_t>(0x88888880u - 0x11111111u), 0x77777777};
  layer.qzeros.bytes = std::as_bytes(std::span(layer.zeros));
  QuantisedRows rows;
  const auto matrix = layer.open();
  ASSERT_TRUE(matrix.ok());
  matrix->read(0, 8, false, rows);
  EXPECT_EQ(rows.offsets[0], -0.0F);
  EXPECT_EQ(rows.offsets[2], -8.0F);
}

TEST(Int4Matrix, WithoutZeroPointsEveryZeroIsEight) {
  Layer layer;
  layer.parts.qzeros = nullptr;
  EXPECT_THAT(layer.refusal(), HasSubstr("m.qzeros is missing"));
  layer.config.has_zeros = false;
  const auto matrix = layer.open();
  ASSERT_TRUE(matrix.ok());
  EXPECT_TRUE(matrix->is_symmetric());
}

TEST(Int4Matrix, WhatDoesNotFitIsRefusedByName) {
  Layer layer;
  layer.parts.scales = nullptr;
  EXPECT_THAT(layer.refusal(), HasSubstr("m.scales is missing"));
  layer.parts.scales = &layer.scales;
  layer.scales.shape = {8, 2};
  EXPECT_THAT(layer.refusal(), HasSubstr("m.scales has shape [8, 2], expected [2, 8]"));
  layer.scales.shape = {2, 8};
  layer.scales.type.reset();
  layer.scales.dtype = "F64";
  EXPECT_THAT(layer.refusal(), HasSubstr("m.scales has dtype F64"));
  layer.scales.type = TensorType::kF16;
  layer.qzeros.shape = {1, 2};
  EXPECT_THAT(layer.refusal(), HasSubstr("m.qzeros has shape"));
  layer.qzeros.shape = {2, 1};
  layer.qweight.shape = {64};
  EXPECT_THAT(layer.refusal(), HasSubstr("m.qweight has shape"));
  layer.qweight.shape = {2, 32};  // 16 inputs are half a group
  EXPECT_THAT(layer.refusal(), HasSubstr("not whole groups"));
  layer.qweight.shape = {8, 8};
  layer.qweight.dtype = "I64";
  EXPECT_THAT(layer.refusal(), HasSubstr("m.qweight has dtype I64"));
}

TEST(Int4Matrix, ReorderedChannelsAreRefused) {
  Layer layer;
  std::swap(layer.groups[0], layer.groups[40]);
  EXPECT_THAT(layer.refusal(), HasSubstr("desc_act"));
}

}  // namespace
}  // namespace puna
