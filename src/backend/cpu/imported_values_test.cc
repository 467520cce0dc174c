// The 4-bit values of a checkpoint as they are held, against what the checkpoint says they mean:
// scales and offsets are f16, so that those of Q4_0 and Q4_1 are exact, and others off by the
// rounding of the two and nothing more.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "backend/cpu/packed_matrix.h"
#include "base/float16.h"
#include "model/checkpoint.h"
#include "model/gguf_llama.h"
#include "model/gguf_writer.h"

namespace puna {
namespace {

constexpr char kName[] = "model.layers.0.mlp.down_proj.weight";
constexpr double kHalfStep = 1.0 / 2048;  // of an f16, relative
constexpr double kFloatStep = 1e-6;       // of sums in f32

// Every weight as it is packed against the row that the checkpoint gives, within `step` of the
// scale's and the offset's parts.
void expect_held_as_stored(const WeightSource& source, const std::string& name, double step) {
  ThreadPool pool(2);
  const auto packed = PackedMatrix::pack(
      source, {.weights = {name}, .biases = {}, .format = WeightFormat::kInt4}, pool);
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  const TensorInfo& tensor = *source.find(name);
  const auto columns = static_cast<size_t>(tensor.column_count());
  std::vector<float> exact(columns), held(columns);
  QuantisedRows stored;
  for (int64_t row = 0; row < tensor.row_count(); ++row) {
    ASSERT_TRUE(source.read_rows(name, row, 1, exact).ok());
    ASSERT_TRUE(source.read_quantised_rows(name, row, 1, stored).ok());
    packed->unpack_column(static_cast<size_t>(row), held.data());
    for (size_t k = 0; k < columns; ++k) {
      const size_t group = k / static_cast<size_t>(stored.group);
      const auto scale = static_cast<double>(stored.scales[group]);
      const double offset =
          stored.symmetric ? -8 * scale : static_cast<double>(stored.offsets[group]);
      const double parts = std::abs(scale * stored.values[k]) + std::abs(offset);
      ASSERT_NEAR(static_cast<double>(held[k]), static_cast<double>(exact[k]),
                  (step + kFloatStep) * parts)
          << name << " row " << row << ", column " << k;
    }
  }
}

struct GgufCase {
  const char* name;
  uint32_t type;
  size_t block_bytes;
  std::vector<size_t> floats;  // where a block has f16 numbers
  double step;
};

class ImportedGguf : public testing::TestWithParam<GgufCase> {};

// Blocks of random bytes, but for their f16 numbers.
TEST_P(ImportedGguf, IsHeldAsItIsStored) {
  constexpr size_t kRows = 40;
  constexpr size_t kColumns = 512;
  const size_t blocks = kRows * kColumns / (GetParam().block_bytes == 144 ? 256 : 32);
  GgufWriter file;
  file.header(1, 0);
  file.tensor("blk.0.ffn_down.weight", {kColumns, kRows}, GetParam().type, 0);
  file.align();
  std::mt19937 random(9);
  std::uniform_int_distribution<int> byte(0, 255);
  std::uniform_real_distribution<float> number(0.001F, 0.2F);
  for (size_t block = 0; block < blocks; ++block) {
    std::vector<uint8_t> bytes(GetParam().block_bytes);
    for (uint8_t& x : bytes) x = static_cast<uint8_t>(byte(random));
    for (const size_t at : GetParam().floats) {
      const uint16_t half = f32_to_f16(number(random));
      std::memcpy(&bytes[at], &half, sizeof half);
    }
    for (const uint8_t x : bytes) file.number(x);
  }
  file.align();
  const auto parsed = GgufFile::parse(file.bytes(), "m.gguf");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  expect_held_as_stored(GgufWeights(*parsed, LlamaConfig()), kName, GetParam().step);
}

INSTANTIATE_TEST_SUITE_P(Types, ImportedGguf,
                         testing::Values(GgufCase{"q4_0", 2, 18, {0}, 0},
                                         GgufCase{"q4_1", 3, 20, {0, 2}, 0},
                                         GgufCase{"q4_k", 12, 144, {0, 2}, kHalfStep}),
                         [](const auto& type) { return std::string(type.param.name); });

class ImportedInt4 : public testing::TestWithParam<const char*> {};

TEST_P(ImportedInt4, IsHeldAsItIsStored) {
  const auto checkpoint = open_checkpoint(std::string("tests/golden/int4/") + GetParam());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  for (const char* module :
       {"self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.down_proj"}) {
    expect_held_as_stored(*checkpoint->weights, fmt::format("model.layers.0.{}.weight", module),
                          kHalfStep);
  }
}

INSTANTIATE_TEST_SUITE_P(Packings, ImportedInt4,
                         testing::Values("awq_32", "awq_128", "gptq_64", "gptq_v2_32",
                                         "gptq_symmetric_128"),
                         [](const auto& name) { return std::string(name.param); });

}  // namespace
}  // namespace puna
