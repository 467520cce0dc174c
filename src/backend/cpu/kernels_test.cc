// Kernels of the chosen instruction set against plain loops in double or integers.

#include "backend/cpu/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "backend/cpu/packed_matrix.h"
#include "base/float16.h"

namespace puna {
namespace {

class ArraySource final : public WeightSource {
 public:
  void add(const std::string& name, std::vector<int64_t> shape, std::vector<float> values) {
    tensors_[name] = {.name = name, .type = TensorType::kF32, .shape = std::move(shape)};
    values_[name] = std::move(values);
  }

  std::vector<const TensorInfo*> tensors() const override { return {}; }
  const TensorInfo* find(std::string_view name) const override {
    const auto found = tensors_.find(std::string(name));
    return found == tensors_.end() ? nullptr : &found->second;
  }
  Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const override {
    const TensorInfo& tensor = tensors_.at(std::string(name));
    RETURN_IF_ERROR(check_rows(tensor, first_row, row_count, out.size()));
    const auto& values = values_.at(std::string(name));
    std::copy_n(values.begin() + first_row * tensor.column_count(), out.size(), out.begin());
    return Status();
  }

 private:
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::vector<float>> values_;
};

std::vector<float> random_values(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

const Kernels& chosen_kernels() {
  const auto isa = choose_isa();
  EXPECT_TRUE(isa.ok()) << isa.status().message();
  return kernels_for(isa.ok() ? *isa : Isa::kPortable);
}

// Two stacked tensors with biases; sizes that fill neither a panel, nor a vector, nor a group.
class MatmulKernel : public testing::TestWithParam<WeightFormat> {
 protected:
  static constexpr size_t kK = 83;
  static constexpr size_t kFirst = 70;
  static constexpr size_t kColumns = kFirst + 31;
  static constexpr size_t kRows = 15;  // tiles of 8, 4, 2 and 1 rows

  void SetUp() override {
    weights_ = random_values(kColumns * kK, 1);
    bias_ = random_values(kColumns, 2);
    const auto weights = weights_.begin();
    const auto bias = bias_.begin();
    source_.add("a.weight", {kFirst, kK}, {weights, weights + kFirst * kK});
    source_.add("b.weight", {kColumns - kFirst, kK}, {weights + kFirst * kK, weights_.end()});
    source_.add("a.bias", {kFirst}, {bias, bias + kFirst});
    source_.add("b.bias", {kColumns - kFirst}, {bias + kFirst, bias_.end()});
    rows_ = random_values(kRows * kK, 3);
  }

  const FormatKernels& kernels() const {
    const Kernels& all = chosen_kernels();
    return GetParam() == WeightFormat::kF32    ? all.f32
           : GetParam() == WeightFormat::kBf16 ? all.bf16
                                               : all.int8;
  }

  std::vector<float> weights_, bias_, rows_;
  ArraySource source_;
};

TEST_P(MatmulKernel, AddsProductsBiasAndWhatWasThere) {
  ThreadPool pool(2);
  const auto matrix =
      PackedMatrix::pack(source_, GetParam(), {"a.weight", "b.weight"}, {"a.bias", "b.bias"}, pool);
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  const size_t row_bytes = matrix->padded_k() * sizeof(float);
  std::vector<std::byte> prepared(kRows * row_bytes);
  for (size_t row = 0; row < kRows; ++row) {
    std::vector<float> values(matrix->padded_k());
    std::copy_n(rows_.begin() + static_cast<ptrdiff_t>(row * kK), kK, values.begin());
    kernels().prepare(values.data(), values.size(), &prepared[row * row_bytes]);
  }
  std::vector<float> out(kRows * kColumns, 10.0F);
  kernels().matmul({.panels = matrix->panels(),
                    .k = matrix->padded_k(),
                    .column_count = kColumns,
                    .bias = matrix->bias(),
                    .rows = prepared.data(),
                    .row_bytes = row_bytes,
                    .row_count = kRows,
                    .out = out.data(),
                    .out_stride = kColumns,
                    .add_to_out = true},
                   0, matrix->panel_count());
  // Standard deviation of a product's error by rounding both factors, which are of order 1: a bf16
  // has steps of 2^-8, an int8 of a group's largest (about 2.5) / 127.
  const double deviation = GetParam() == WeightFormat::kF32    ? 2e-7
                           : GetParam() == WeightFormat::kBf16 ? 0.002
                                                               : 0.01;
  const double tolerance = 5 * deviation * std::sqrt(static_cast<double>(kK)) + 1e-5;
  for (size_t row = 0; row < kRows; ++row) {
    for (size_t column = 0; column < kColumns; ++column) {
      double exact = 10.0 + static_cast<double>(bias_[column]);
      for (size_t i = 0; i < kK; ++i) {
        exact += static_cast<double>(weights_[column * kK + i]) *
                 static_cast<double>(rows_[row * kK + i]);
      }
      EXPECT_NEAR(static_cast<double>(out[row * kColumns + column]), exact, tolerance)
          << "row " << row << ", column " << column;
    }
  }
}

TEST_P(MatmulKernel, UnpacksAColumnAsItWasPacked) {
  ThreadPool pool(1);
  const auto matrix = PackedMatrix::pack(source_, GetParam(), {"a.weight", "b.weight"}, {}, pool);
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  for (const size_t column : {size_t{0}, size_t{69}, size_t{70}, kColumns - 1}) {
    std::vector<float> unpacked(kK);
    matrix->unpack_column(column, unpacked.data());
    const double step = GetParam() == WeightFormat::kF32    ? 0
                        : GetParam() == WeightFormat::kBf16 ? 0.01
                                                            : 0.03;
    for (size_t i = 0; i < kK; ++i) EXPECT_NEAR(unpacked[i], weights_[column * kK + i], step);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, MatmulKernel,
                         testing::Values(WeightFormat::kF32, WeightFormat::kBf16,
                                         WeightFormat::kInt8),
                         [](const auto& subject) { return std::string(describe(subject.param)); });

TEST(Int8Kernel, IsExactOnIntegers) {
  // Weights and activations with a largest magnitude of 127 in each group are their own int8.
  constexpr size_t kK = 64;
  std::mt19937 random(4);
  std::uniform_int_distribution<int> byte(-127, 127);
  std::vector<float> weights(kPanelColumns * kK);
  std::vector<float> row(kK);
  for (float& weight : weights) weight = static_cast<float>(byte(random));
  for (float& value : row) value = static_cast<float>(byte(random));
  for (size_t i = 0; i < weights.size(); i += kGroup) weights[i] = i % 64 == 0 ? 127.0F : -127.0F;
  for (size_t i = 0; i < kK; i += kGroup) row[i] = -127.0F;
  ArraySource source;
  source.add("w", {kPanelColumns, kK}, weights);
  ThreadPool pool(1);
  const auto matrix = PackedMatrix::pack(source, WeightFormat::kInt8, {"w"}, {}, pool);
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  const FormatKernels& kernels = chosen_kernels().int8;
  std::vector<std::byte> prepared(kK * sizeof(float));
  kernels.prepare(row.data(), kK, prepared.data());
  std::vector<float> out(kPanelColumns);
  kernels.matmul({.panels = matrix->panels(),
                  .k = kK,
                  .column_count = kPanelColumns,
                  .rows = prepared.data(),
                  .row_bytes = prepared.size(),
                  .row_count = 1,
                  .out = out.data(),
                  .out_stride = kPanelColumns},
                 0, 1);
  for (size_t column = 0; column < kPanelColumns; ++column) {
    int64_t exact = 0;
    for (size_t i = 0; i < kK; ++i) {
      exact += static_cast<int64_t>(weights[column * kK + i]) * static_cast<int64_t>(row[i]);
    }
    EXPECT_EQ(out[column], static_cast<float>(exact)) << column;
  }
}

TEST(RowKernels, NormalisesByTheRootOfTheMeanSquare) {
  constexpr size_t kSize = 80;
  std::vector<float> row = random_values(kSize, 5);
  std::vector<float> weight = random_values(kSize, 6);
  row.resize(padded(kSize, kGroup));
  weight.resize(row.size());
  std::vector<float> out(row.size(), 1.0F);
  chosen_kernels().rms_norm(row.data(), weight.data(), kSize, 1e-5F, out.data());
  double squares = 0;
  for (const float x : row) squares += static_cast<double>(x) * static_cast<double>(x);
  const double scale = 1 / std::sqrt(squares / kSize + 1e-5);
  for (size_t i = 0; i < row.size(); ++i) {
    const double exact = static_cast<double>(row[i]) * scale * static_cast<double>(weight[i]);
    EXPECT_NEAR(static_cast<double>(out[i]), exact, 1e-6 * (1 + std::abs(exact)));
  }
}

TEST(RowKernels, GateBySiluWithAnAccurateExponential) {
  std::vector<float> gate;
  for (int i = 0; i < 1600; ++i) gate.push_back(-100.0F + 0.125F * static_cast<float>(i));
  const std::vector<float> up(gate.size(), 3.0F);
  std::vector<float> out(gate.size());
  chosen_kernels().gate(gate.data(), up.data(), gate.size(), out.data());
  for (size_t i = 0; i < gate.size(); ++i) {
    const auto x = static_cast<double>(gate[i]);
    const double exact = 3 * x / (1 + std::exp(-x));
    EXPECT_NEAR(static_cast<double>(out[i]), exact, 5e-7 * std::abs(exact) + 1e-35) << x;
  }
}

}  // namespace
}  // namespace puna
