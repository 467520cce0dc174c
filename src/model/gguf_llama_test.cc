// Hugging Face's row order over a small GGUF file, dequantised and as stored.

#include "model/gguf_llama.h"

#include <gtest/gtest.h>

#include "base/float16.h"
#include "model/gguf_writer.h"

namespace puna {
namespace {

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ41 = 3;
constexpr uint32_t kQ80 = 8;
constexpr int kHeadDim = 4;
constexpr int kRows = 8;  // two heads
constexpr int kColumns = 64;
constexpr char kQuery[] = "model.layers.0.self_attn.q_proj.weight";
constexpr char kValue[] = "model.layers.0.self_attn.v_proj.weight";
constexpr char kEmbedding[] = "model.embed_tokens.weight";
constexpr char kNorm[] = "model.norm.weight";

// Block `index` of a tensor holds scale index + 1, so that every row is told from the others.
void write_q4_1(GgufWriter& file) {
  for (int index = 0; index < kRows * kColumns / 32; ++index) {
    file.number(f32_to_f16(static_cast<float>(index + 1))).number(f32_to_f16(-0.5F));
    for (int i = 0; i < 16; ++i) file.number(static_cast<uint8_t>((index * 7 + i * 23) & 0xFF));
  }
  file.align();
}

std::shared_ptr<const GgufWeights> small_model() {
  constexpr uint64_t kQ41Bytes = kRows * kColumns / 32 * 20;  // a multiple of 32
  GgufWriter file;
  file.header(4, 0);
  file.tensor("blk.0.attn_q.weight", {kColumns, kRows}, kQ41, 0);
  file.tensor("blk.0.attn_v.weight", {kColumns, kRows}, kQ41, kQ41Bytes);
  file.tensor("token_embd.weight", {32, 1}, kQ80, 2 * kQ41Bytes);
  file.tensor("output_norm.weight", {8}, kF32, 2 * kQ41Bytes + 64);
  file.align();
  write_q4_1(file);
  write_q4_1(file);
  file.number(f32_to_f16(0.25F));
  for (int i = 0; i < 32; ++i) file.number(static_cast<int8_t>(i - 16));
  file.data(32);
  const auto parsed = GgufFile::parse(file.bytes(), "m.gguf");
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  LlamaConfig config;
  config.head_dim = kHeadDim;
  return std::make_shared<const GgufWeights>(*parsed, config);
}

// Every row alone and all rows at once give what read_rows() gives.
void expect_the_same_rows(const WeightSource& weights, const char* name) {
  const auto layout = weights.quantised_layout(name);
  ASSERT_EQ(layout, (QuantisedLayout{.group = 32, .symmetric = false}));
  std::vector<float> expected(kRows * kColumns);
  ASSERT_TRUE(weights.read_rows(name, 0, kRows, expected).ok());
  QuantisedRows all;
  ASSERT_TRUE(weights.read_quantised_rows(name, 0, kRows, all).ok());
  ASSERT_EQ(all.values.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const float value =
        all.scales[i / 32] * static_cast<float>(all.values[i]) + all.offsets[i / 32];
    ASSERT_FLOAT_EQ(value, expected[i]) << name << " value " << i;
  }
  for (size_t row = 0; row < kRows; ++row) {
    QuantisedRows one;
    ASSERT_TRUE(weights.read_quantised_rows(name, static_cast<int64_t>(row), 1, one).ok());
    ASSERT_EQ(one.group, 32);
    for (size_t i = 0; i < kColumns; ++i) {
      ASSERT_EQ(one.values[i], all.values[row * kColumns + i]);
      ASSERT_EQ(one.scales[i / 32], all.scales[(row * kColumns + i) / 32]);
    }
  }
}

TEST(GgufWeights, RowsAsStoredHaveTheOrderOfDequantisedRows) {
  const auto weights = small_model();
  expect_the_same_rows(*weights, kQuery);
  expect_the_same_rows(*weights, kValue);
}

TEST(GgufWeights, TheRowsOfAQueryHeadAreTakenApartAgain) {
  const auto weights = small_model();
  QuantisedRows query;
  QuantisedRows value;
  ASSERT_TRUE(weights->read_quantised_rows(kQuery, 0, kRows, query).ok());
  ASSERT_TRUE(weights->read_quantised_rows(kValue, 0, kRows, value).ok());
  // llama.cpp stores the pairs (0, 2) and (1, 3) of a head of 4 side by side.
  const std::vector<size_t> stored_row = {0, 2, 1, 3, 4, 6, 5, 7};
  for (size_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(query.scales[2 * row], static_cast<float>(2 * stored_row[row] + 1)) << row;
    EXPECT_EQ(value.scales[2 * row], static_cast<float>(2 * row + 1)) << row;
  }
}

TEST(GgufWeights, Q8IsTakenOverExactly) {
  const auto weights = small_model();
  ASSERT_EQ(weights->int8_layout(kEmbedding), Int8Layout{.group = 32});
  EXPECT_FALSE(weights->quantised_layout(kEmbedding));
  Int8Rows rows;
  ASSERT_TRUE(weights->read_int8_rows(kEmbedding, 0, 1, rows).ok());
  EXPECT_EQ(rows.scales, std::vector<float>{0.25F});
  EXPECT_EQ(rows.values.front(), -16);
  EXPECT_EQ(rows.values.back(), 15);
}

TEST(GgufWeights, WhatIsNotStoredInFewBitsSaysSo) {
  const auto weights = small_model();
  QuantisedRows in_4_bits;
  Int8Rows in_8_bits;
  for (const char* name : {kNorm, "no.such.tensor"}) {
    EXPECT_FALSE(weights->quantised_layout(name)) << name;
    EXPECT_FALSE(weights->int8_layout(name)) << name;
    EXPECT_FALSE(weights->read_quantised_rows(name, 0, 1, in_4_bits).ok()) << name;
    EXPECT_FALSE(weights->read_int8_rows(name, 0, 1, in_8_bits).ok()) << name;
  }
  EXPECT_FALSE(weights->read_quantised_rows(kQuery, kRows, 1, in_4_bits).ok());
  EXPECT_FALSE(weights->read_quantised_rows(kQuery, -1, 1, in_4_bits).ok());
  EXPECT_FALSE(weights->read_int8_rows(kEmbedding, 0, INT64_MAX, in_8_bits).ok());
}

}  // namespace
}  // namespace puna
