// Whose values a packed int8 matrix holds: the checkpoint's, or ours.

#include "backend/cpu/packed_matrix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/float16.h"
#include "quantise/int4_quantiser.h"

namespace puna {
namespace {

constexpr size_t kRowCount = 70;
constexpr size_t kK = 96;
constexpr size_t kGroup = 32;

// Two tensors of one set of random int8 values: "stored" says that it has them, "merged" does not.
class Int8Source final : public WeightSource {
 public:
  Int8Source() {
    std::mt19937 random(1);
    std::uniform_int_distribution<int> value(-127, 127);
    std::uniform_real_distribution<float> scale(0.001F, 0.1F);
    values_.resize(kRowCount * kK);
    scales_.resize(values_.size() / kGroup);
    for (int8_t& x : values_) x = static_cast<int8_t>(value(random));
    for (float& x : scales_) x = f16_to_f32(f32_to_f16(scale(random)));
    for (TensorInfo* tensor : {&stored_, &merged_}) tensor->shape = {kRowCount, kK};
    stored_.name = "stored";
    stored_.type = TensorType::kQ8_0;
    merged_.name = "merged";
    merged_.type = TensorType::kF32;
  }

  float weight(size_t i) const { return scales_[i / kGroup] * static_cast<float>(values_[i]); }
  void spoil(float weight) { spoilt_ = weight; }

  std::vector<const TensorInfo*> tensors() const override { return {&stored_, &merged_}; }
  const TensorInfo* find(std::string_view name) const override {
    return name == "stored" ? &stored_ : &merged_;
  }
  Status read_rows(std::string_view, int64_t first, int64_t, std::span<float> out) const override {
    for (size_t i = 0; i < out.size(); ++i) out[i] = weight(static_cast<size_t>(first) * kK + i);
    if (spoilt_ != 0) out.back() = spoilt_;
    return Status();
  }
  std::optional<Int8Layout> int8_layout(std::string_view name) const override {
    if (name != "stored") return std::nullopt;
    return Int8Layout{.group = kGroup};
  }
  Status read_int8_rows(std::string_view, int64_t first, int64_t count,
                        Int8Rows& out) const override {
    const auto begin = static_cast<ptrdiff_t>(first) * static_cast<ptrdiff_t>(kK);
    const auto end = begin + static_cast<ptrdiff_t>(count) * static_cast<ptrdiff_t>(kK);
    const auto group = static_cast<ptrdiff_t>(kGroup);
    out.values.assign(values_.begin() + begin, values_.begin() + end);
    out.scales.assign(scales_.begin() + begin / group, scales_.begin() + end / group);
    return Status();
  }

 private:
  TensorInfo stored_, merged_;
  std::vector<int8_t> values_;
  std::vector<float> scales_;
  float spoilt_ = 0;
};

Result<PackedMatrix> pack(const Int8Source& source, const std::string& name,
                          WeightFormat format = WeightFormat::kInt8) {
  ThreadPool pool(2);
  const PackRequest request = {.weights = {name}, .biases = {}, .format = format, .group_max = 128};
  return PackedMatrix::pack(source, request, pool);
}

TEST(PackedInt8, HoldsTheValuesOfACheckpointThatHasThem) {
  const Int8Source source;
  const auto matrix = pack(source, "stored");
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  EXPECT_FALSE(matrix->layout().rotated);
  std::vector<float> row(kK);
  for (size_t r = 0; r < kRowCount; ++r) {
    matrix->unpack_column(r, row.data());
    for (size_t i = 0; i < kK; ++i) ASSERT_EQ(row[i], source.weight(r * kK + i)) << r << ", " << i;
  }
}

TEST(PackedInt8, RotatesWhatItQuantises) {
  const Int8Source source;
  const auto matrix = pack(source, "merged");
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  EXPECT_TRUE(matrix->layout().rotated);
  std::vector<float> row(kK);
  double squares = 0;
  double error_squares = 0;
  for (size_t r = 0; r < kRowCount; ++r) {
    matrix->unpack_column(r, row.data());
    for (size_t i = 0; i < kK; ++i) {
      const auto weight = static_cast<double>(source.weight(r * kK + i));
      squares += weight * weight;
      error_squares += std::pow(static_cast<double>(row[i]) - weight, 2);
    }
  }
  EXPECT_LE(std::sqrt(error_squares / squares), 0.007);
}

TEST(PackedInt8, RefusesWeightsThatItCannotHold) {
  for (const float weight :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(), 3e6F}) {
    Int8Source source;
    source.spoil(weight);
    EXPECT_EQ(pack(source, "merged").status().code(), StatusCode::kInvalidArgument) << weight;
  }
  Int8Source source;
  source.spoil(-2e6F);
  EXPECT_TRUE(pack(source, "merged").ok());
}

TEST(PackedInt4, HasOffsetsWhereItQuantises) {
  const Int8Source source;
  const auto matrix = pack(source, "merged", WeightFormat::kInt4);
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  std::vector<float> row(kK);
  std::vector<float> weights(kK);
  std::vector<uint8_t> values(kK);
  std::vector<float> scales(kK / kGroup);
  double with_offsets = 0;
  double symmetric = 0;
  for (size_t r = 0; r < kRowCount; ++r) {
    matrix->unpack_column(r, row.data());
    for (size_t i = 0; i < kK; ++i) {
      weights[i] = source.weight(r * kK + i);
      with_offsets += std::pow(static_cast<double>(row[i] - weights[i]), 2);
    }
    quantise_int4_row(weights, {}, kGroup, /*symmetric=*/true, values, scales, {});
    symmetric += int4_row_error(weights, {}, kGroup, values, scales, {});
  }
  EXPECT_LT(with_offsets, 0.9 * symmetric);
}

}  // namespace
}  // namespace puna
