// Kernels of the chosen instruction set against plain loops in double or integers.

#include "backend/cpu/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "backend/cpu/matmul_tiles.h"
#include "backend/cpu/packed_matrix.h"
#include "backend/cpu/panel_packer.h"

namespace puna {

#if defined(__x86_64__)
extern const Kernels kAvxVnniTwinKernels;
#endif

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

std::vector<std::byte> prepare_rows(const FormatKernels& kernels, const PackedLayout& layout,
                                    const std::vector<float>& rows, size_t row_bytes) {
  const size_t count = rows.size() / layout.k;
  std::vector<std::byte> prepared(count * row_bytes);
  for (size_t row = 0; row < count; ++row) {
    std::vector<float> values(layout.padded_k());
    std::copy_n(rows.begin() + static_cast<ptrdiff_t>(row * layout.k), layout.k, values.begin());
    kernels.prepare(values.data(), layout, &prepared[row * row_bytes]);
  }
  return prepared;
}

Matmul product(const PackedLayout& layout, const std::byte* panels,
               const std::vector<std::byte>& rows, size_t row_bytes, std::vector<float>& out) {
  Matmul matmul = matmul_of(layout, panels, rows.data(), row_bytes, rows.size() / row_bytes);
  matmul.out = out.data();
  matmul.out_stride = layout.column_count;
  return matmul;
}

struct Subject {
  WeightFormat format;
  size_t group;
};

std::string name_of(const testing::TestParamInfo<Subject>& info) {
  return fmt::format("{}_group_{}", describe(info.param.format), info.param.group);
}

// Two stacked tensors with biases; sizes that fill neither a panel, nor a vector, nor a group.
class MatmulKernel : public testing::TestWithParam<Subject> {
 protected:
  static constexpr size_t kK = 83;
  static constexpr size_t kFirst = 70;
  static constexpr size_t kColumns = kFirst + 31;
  static constexpr size_t kRows = 31;

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

  Result<PackedMatrix> pack() {
    ThreadPool pool(2);
    return PackedMatrix::pack(source_,
                              {.weights = {"a.weight", "b.weight"},
                               .biases = {"a.bias", "b.bias"},
                               .format = GetParam().format,
                               .group_max = GetParam().group},
                              pool);
  }

  std::vector<float> weights_, bias_, rows_;
  ArraySource source_;
};

// Standard deviation of a product's error by rounding both factors, which are of order 1: a bf16
// has steps of 2^-8, an int8 of a group's largest (about 2.5) / 127, an int4 of a seventh.
double deviation_of(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32:
      return 2e-7;
    case WeightFormat::kBf16:
      return 0.002;
    case WeightFormat::kInt8:
      return 0.01;
    case WeightFormat::kInt4:
      return 0.12;
  }
  return 0;
}

TEST_P(MatmulKernel, AddsProductsBiasAndWhatWasThere) {
  const auto matrix = pack();
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  const FormatKernels& kernels = kernels_for(chosen_kernels(), GetParam().format);
  const size_t row_bytes = matrix->layout().padded_k() * sizeof(float);
  const auto prepared = prepare_rows(kernels, matrix->layout(), rows_, row_bytes);
  std::vector<float> out(kRows * kColumns, 10.0F);
  Matmul matmul = product(matrix->layout(), matrix->panels(), prepared, row_bytes, out);
  matmul.bias = matrix->bias();
  matmul.add_to_out = true;
  kernels.matmul(matmul, 0, matrix->layout().panel_count());
  const double tolerance =
      5 * deviation_of(GetParam().format) * std::sqrt(static_cast<double>(kK)) + 1e-5;
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
  const auto matrix = pack();
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  const double step =
      GetParam().format == WeightFormat::kF32 ? 0 : 3.5 * deviation_of(GetParam().format) + 0.01;
  for (const size_t column : {size_t{0}, size_t{69}, size_t{70}, kColumns - 1}) {
    std::vector<float> unpacked(kK);
    matrix->unpack_column(column, unpacked.data());
    for (size_t i = 0; i < kK; ++i) EXPECT_NEAR(unpacked[i], weights_[column * kK + i], step);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, MatmulKernel,
    testing::Values(Subject{WeightFormat::kF32, 32}, Subject{WeightFormat::kBf16, 32},
                    Subject{WeightFormat::kInt8, 32}, Subject{WeightFormat::kInt8, 128},
                    Subject{WeightFormat::kInt4, 32}, Subject{WeightFormat::kInt4, 64}),
    name_of);

// Of each 32 inputs one is fifty times the others, whose steps of 50 / 127 would cost products an
// error of 1.2.
TEST(Int8Kernel, AnOutlierLeavesItsNeighboursFineSteps) {
  constexpr size_t kK = 96;
  constexpr size_t kColumns = 64;
  constexpr size_t kRows = 31;
  const std::vector<float> weights = random_values(kColumns * kK, 7);
  std::vector<float> rows = random_values(kRows * kK, 8);
  for (size_t i = 5; i < rows.size(); i += 32) rows[i] = 50;
  ArraySource source;
  source.add("a.weight", {kColumns, kK}, weights);
  ThreadPool pool(2);
  const auto matrix = PackedMatrix::pack(
      source,
      {.weights = {"a.weight"}, .biases = {}, .format = WeightFormat::kInt8, .group_max = 32},
      pool);
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  const FormatKernels& kernels = chosen_kernels().int8;
  const auto prepared = prepare_rows(kernels, matrix->layout(), rows, kK * sizeof(float));
  std::vector<float> out(kRows * kColumns);
  kernels.matmul(product(matrix->layout(), matrix->panels(), prepared, kK * sizeof(float), out), 0,
                 matrix->layout().panel_count());
  double squares = 0;
  for (size_t row = 0; row < kRows; ++row) {
    for (size_t column = 0; column < kColumns; ++column) {
      double error = static_cast<double>(out[row * kColumns + column]);
      for (size_t i = 0; i < kK; ++i) {
        error -=
            static_cast<double>(weights[column * kK + i]) * static_cast<double>(rows[row * kK + i]);
      }
      squares += error * error;
    }
  }
  EXPECT_LE(std::sqrt(squares / static_cast<double>(out.size())), 0.6);
}

struct IntegerSubject {
  const char* name;
  WeightFormat format;
  size_t group;
  bool symmetric;
};

// Integers with scales of a power of two, so small that every float on the way is exact.
class IntegerKernel : public testing::TestWithParam<IntegerSubject> {
 protected:
  IntegerKernel() : panel_(layout()), random_(4) {
    std::uniform_int_distribution<int> value(0, format() == WeightFormat::kInt4 ? 15 : 254);
    std::uniform_int_distribution<int> power(-1, 1);
    for (uint8_t& x : panel_.values)
      x = static_cast<uint8_t>(value(random_) + (format() == WeightFormat::kInt8 ? 1 : 0));
    for (float& scale : panel_.scales) scale = std::ldexp(1.0F, power(random_));
    for (float& offset : panel_.offsets) offset = static_cast<float>(value(random_));
    packed_.resize(layout().panel_bytes());
    write_panel(layout(), panel_, packed_.data());
  }

  static WeightFormat format() { return GetParam().format; }
  static PackedLayout layout() {
    return {.format = format(),
            .column_count = kPanelColumns,
            .k = 256,
            .group = GetParam().group,
            .symmetric = GetParam().symmetric};
  }

  // A value of -127 in each group makes its scale 1.
  std::vector<float> integer_rows(size_t count) {
    std::uniform_int_distribution<int> value(-127, 127);
    std::vector<float> rows(count * layout().k);
    for (float& x : rows) x = static_cast<float>(value(random_));
    for (size_t i = 0; i < rows.size(); i += layout().group) rows[i] = -127.0F;
    return rows;
  }

  void expect_exact(const FormatKernels& kernels);

  double weight(size_t column, size_t i) const {
    const PackedLayout shape = layout();
    const size_t g = column * shape.group_count() + i / shape.group;
    const double value = panel_.values[column * shape.k + i];
    if (format() == WeightFormat::kInt8) return panel_.scales[g] * (value - 128);
    return shape.symmetric ? panel_.scales[g] * (value - 8)
                           : panel_.scales[g] * value + panel_.offsets[g];
  }

  QuantisedPanel panel_;
  std::mt19937 random_;
  std::vector<std::byte> packed_;
};

TEST_P(IntegerKernel, IsExactForEveryNumberOfRows) {
  expect_exact(kernels_for(chosen_kernels(), format()));
}

#if defined(__x86_64__)
TEST_P(IntegerKernel, IsExactInAvxVnni) {
  if (!is_supported(Isa::kAvx512Vnni)) GTEST_SKIP() << "needs AVX-512 VNNI for its twin";
  expect_exact(kernels_for(kAvxVnniTwinKernels, format()));
}
#endif

void IntegerKernel::expect_exact(const FormatKernels& kernels) {
  const PackedLayout shape = layout();
  const size_t cached = kRowCacheBytes / QuantisedRow::bytes(shape.k, shape.group);
  std::vector<size_t> counts = {1, 2, 3, 4, 5, 6, 7, 11, 16, 23, 24, 25, 40};
  counts.push_back(cached + 7);
  for (const size_t count : counts) {
    const std::vector<float> rows = integer_rows(count);
    const size_t row_bytes = shape.k * sizeof(float);
    const auto prepared = prepare_rows(kernels, shape, rows, row_bytes);
    std::vector<float> out(count * kPanelColumns);
    kernels.matmul(product(shape, packed_.data(), prepared, row_bytes, out), 0, 1);
    for (size_t row = 0; row < count; ++row) {
      if (row > 40 && row < cached && row % 64 != 0) continue;  // enough of a long block
      for (size_t column = 0; column < kPanelColumns; ++column) {
        double exact = 0;
        for (size_t i = 0; i < shape.k; ++i) {
          exact += weight(column, i) * static_cast<double>(rows[row * shape.k + i]);
        }
        ASSERT_EQ(static_cast<double>(out[row * kPanelColumns + column]), exact)
            << count << " rows: row " << row << ", column " << column;
      }
    }
  }
}

TEST_P(IntegerKernel, ReadsBackWhatWasWritten) {
  std::vector<float> column(layout().k);
  for (size_t c = 0; c < kPanelColumns; ++c) {
    read_column(layout(), packed_.data(), c, column.data());
    for (size_t i = 0; i < column.size(); ++i) {
      ASSERT_EQ(static_cast<double>(column[i]), weight(c, i)) << c << ", " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Layouts, IntegerKernel,
    testing::Values(IntegerSubject{"int8_32", WeightFormat::kInt8, 32, true},
                    IntegerSubject{"int8_64", WeightFormat::kInt8, 64, true},
                    IntegerSubject{"int8_128", WeightFormat::kInt8, 128, true},
                    IntegerSubject{"int4_32", WeightFormat::kInt4, 32, true},
                    IntegerSubject{"int4_64", WeightFormat::kInt4, 64, true},
                    IntegerSubject{"int4_128", WeightFormat::kInt4, 128, true},
                    IntegerSubject{"int4_offsets_32", WeightFormat::kInt4, 32, false},
                    IntegerSubject{"int4_offsets_64", WeightFormat::kInt4, 64, false},
                    IntegerSubject{"int4_offsets_128", WeightFormat::kInt4, 128, false}),
    [](const auto& subject) { return std::string(subject.param.name); });

TEST(RowKernels, NormalisesByTheRootOfTheMeanSquare) {
  constexpr size_t kSize = 80;
  std::vector<float> row = random_values(kSize, 5);
  std::vector<float> weight = random_values(kSize, 6);
  row.resize(padded(kSize, kGroupMax));
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
