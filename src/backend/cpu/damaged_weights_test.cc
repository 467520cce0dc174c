// Nothing but numbers: a NaN or an infinity anywhere in a checkpoint ends the start with the name
// of its tensor, and one that is there all the same comes out as logits that are no numbers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <list>

#include "backend/cpu/cpu_weights.h"
#include "backend/cpu/forward.h"
#include "backend/cpu/packed_matrix.h"
#include "backend/cpu/packing_source.h"
#include "backend/open_backend.h"
#include "base/float16.h"
#include "model/checkpoint.h"
#include "model/forwarding_weights.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

constexpr const char* kGrouped = "tests/golden/llama/grouped_query_tied";
constexpr const char* kBiased = "tests/golden/llama/multi_query_biases_head_24";
constexpr WeightFormat kFormats[] = {WeightFormat::kF32, WeightFormat::kBf16, WeightFormat::kInt8,
                                     WeightFormat::kInt4};
constexpr KvCacheType kKvTypes[] = {KvCacheType::kF32, KvCacheType::kBf16, KvCacheType::kInt8};

// The NaN of a page of 0xFF, whose bits a careless rounding turns into zero, and infinity.
constexpr uint32_t kBad[] = {0xFFFFFFFF, 0x7F800000};

Checkpoint open_small(const char* folder) {
  auto checkpoint = open_checkpoint(folder);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  return checkpoint.ok() ? std::move(checkpoint).value() : Checkpoint();
}

// One value of one tensor is another.
class SpoiltWeights final : public ForwardingWeights {
 public:
  SpoiltWeights(std::shared_ptr<const WeightSource> base, std::string name, float value)
      : ForwardingWeights(std::move(base)), name_(std::move(name)), value_(value) {}

  Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const override {
    RETURN_IF_ERROR(base().read_rows(name, first_row, row_count, out));
    if (name == name_ && first_row + row_count == base().find(name)->row_count()) {
      out.back() = value_;
    }
    return Status();
  }

 private:
  const std::string name_;
  const float value_;
};

class DamagedCheckpoint : public testing::TestWithParam<WeightFormat> {};

TEST_P(DamagedCheckpoint, IsRefusedWithTheNameOfItsTensor) {
  for (const char* folder : {kGrouped, kBiased}) {
    const Checkpoint whole = open_small(folder);
    for (const TensorInfo* tensor : whole.weights->tensors()) {
      for (const uint32_t bits : kBad) {
        Checkpoint spoilt = whole;
        spoilt.weights = std::make_shared<SpoiltWeights>(whole.weights, tensor->name,
                                                         std::bit_cast<float>(bits));
        BackendOptions options;
        options.cpu().weights = GetParam();
        options.cpu().thread_count = 1;
        const auto backend = open_backend(options, &spoilt);
        ASSERT_FALSE(backend.ok()) << tensor->name;
        EXPECT_EQ(backend.status().code(), StatusCode::kInvalidArgument);
        EXPECT_THAT(backend.status().message(), HasSubstr(tensor->name));
      }
    }
  }
}

TEST_P(DamagedCheckpoint, IsRefusedWhereAWeightIsTooLargeForItsFormat) {
  const float large = GetParam() == WeightFormat::kInt4   ? 40000.0F
                      : GetParam() == WeightFormat::kInt8 ? 3e6F
                                                          : 3.4e38F;
  Checkpoint spoilt = open_small(kGrouped);
  const char* name = "model.layers.1.mlp.up_proj.weight";
  spoilt.weights = std::make_shared<SpoiltWeights>(spoilt.weights, name, large);
  BackendOptions options;
  options.cpu().weights = GetParam();
  const auto backend = open_backend(options, &spoilt);
  if (GetParam() == WeightFormat::kF32) {
    EXPECT_TRUE(backend.ok());
    return;
  }
  ASSERT_FALSE(backend.ok());
  EXPECT_THAT(backend.status().message(), HasSubstr(name));
  EXPECT_THAT(backend.status().message(), HasSubstr("--weights"));
}

// A matrix with the values of a checkpoint's own scales: 4 bits with or without offsets, or 8.
class StoredWeights final : public ForwardingWeights {
 public:
  using ForwardingWeights::ForwardingWeights;

  bool in_8_bits = false;
  bool symmetric = false;
  float scale = 0.25F;  // of the last group
  float offset = 0.5F;

  std::optional<QuantisedLayout> quantised_layout(std::string_view name) const override {
    if (in_8_bits || !is_stored(name)) return std::nullopt;
    return QuantisedLayout{.group = 32, .symmetric = symmetric};
  }
  Status read_quantised_rows(std::string_view name, int64_t first_row, int64_t row_count,
                             QuantisedRows& out) const override {
    const auto size = static_cast<size_t>(row_count * find(name)->column_count());
    out = {.group = 32, .symmetric = symmetric, .values = {}, .scales = {}, .offsets = {}};
    out.values.assign(size, 3);
    out.scales.assign(size / 32, 0.25F);
    if (!symmetric) out.offsets.assign(size / 32, 0.5F);
    if (first_row + row_count < find(name)->row_count()) return Status();
    out.scales.back() = scale;
    if (!symmetric) out.offsets.back() = offset;
    return Status();
  }
  std::optional<Int8Layout> int8_layout(std::string_view name) const override {
    if (!in_8_bits || !is_stored(name)) return std::nullopt;
    return Int8Layout{.group = 32};
  }
  Status read_int8_rows(std::string_view name, int64_t first_row, int64_t row_count,
                        Int8Rows& out) const override {
    const auto size = static_cast<size_t>(row_count * find(name)->column_count());
    out = {.group = 32, .values = std::vector<int8_t>(size, 3), .scales = {}};
    out.scales.assign(size / 32, 0.25F);
    if (first_row + row_count == find(name)->row_count()) out.scales.back() = scale;
    return Status();
  }

 private:
  static bool is_stored(std::string_view name) { return name.find("_proj") != name.npos; }
};

TEST(DamagedScales, AreRefusedWithTheNameOfTheirTensor) {
  const Checkpoint whole = open_small(kGrouped);
  ThreadPool pool(1);
  const char* name = "model.layers.0.mlp.down_proj.weight";
  const auto pack = [&](const StoredWeights& source) {
    const auto format = source.in_8_bits ? WeightFormat::kInt8 : WeightFormat::kInt4;
    return PackedMatrix::pack(source, {.weights = {name}, .biases = {}, .format = format}, pool)
        .status();
  };
  for (const bool in_8_bits : {false, true}) {
    for (const bool symmetric : {false, true}) {
      StoredWeights source(whole.weights);
      source.in_8_bits = in_8_bits;
      source.symmetric = symmetric;
      EXPECT_TRUE(pack(source).ok());
      for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(), 1e6F}) {
        source.scale = bad;
        EXPECT_THAT(pack(source).message(), HasSubstr(name)) << bad;
        source.scale = 0.25F;
        if (in_8_bits || symmetric) continue;
        source.offset = bad;
        EXPECT_THAT(pack(source).message(), HasSubstr(name)) << bad;
        source.offset = 0.5F;
      }
    }
  }
}

// Packed as always, and then one value of one part of a matrix, or of a norm, is overwritten: what
// a fault of memory does, or a product that overflows.
class SpoilingSource final : public MatrixSource {
 public:
  SpoilingSource(MatrixSource& packing, uint32_t bits) : packing_(packing), bits_(bits) {}

  size_t target = 0;  // the how manieth place that can be spoilt
  size_t places() const { return place_; }
  const std::string& spoilt() const { return spoilt_; }

  Result<PackedMatrix> matrix(const StackedTensors& tensors) override {
    ASSIGN_OR_RETURN(const PackedMatrix packed, packing_.matrix(tensors));
    const PackedLayout& layout = packed.layout();
    auto& panels = kept_.emplace_back(packed.panels(), packed.panels() + packed.bytes());
    std::vector<float> bias(packed.biases().begin(), packed.biases().end());
    // Of every stacked tensor the first row, and the last of all; of its inputs one in the middle.
    for (size_t part = 0; part <= tensors.weights.size(); ++part) {
      const size_t row = part * (layout.column_count - 1) / tensors.weights.size();
      if (is_target(tensors.name)) spoil(layout, row, panels);
      if (!bias.empty() && is_target(tensors.name + ".bias")) {
        bias[row] = std::bit_cast<float>(bits_);
      }
    }
    if (layout.has_offsets() && is_target(tensors.name + " offset")) {
      write_f16(panels.data() + kPanelColumns * sizeof(uint16_t));
    }
    return PackedMatrix::view(layout, panels, std::move(bias));
  }
  Result<std::vector<float>> norm(const std::string& tensor) override {
    ASSIGN_OR_RETURN(std::vector<float> norm, packing_.norm(tensor));
    if (is_target(tensor)) norm[7] = std::bit_cast<float>(bits_);
    return norm;
  }

 private:
  bool is_target(const std::string& name) {
    if (place_++ != target) return false;
    spoilt_ = name;
    return true;
  }

  void spoil(const PackedLayout& layout, size_t row, std::vector<std::byte>& panels) const {
    std::byte* const panel = panels.data() + row / kPanelColumns * layout.panel_bytes();
    const size_t column = row % kPanelColumns;
    const size_t k = layout.k / 2;
    if (layout.format == WeightFormat::kF32) {
      std::memcpy(panel + (k * kPanelColumns + column) * sizeof bits_, &bits_, sizeof bits_);
    } else if (layout.format == WeightFormat::kBf16) {
      const auto half = static_cast<uint16_t>(bits_ >> 16);
      std::memcpy(panel + ((k / 2 * kPanelColumns + column) * 2 + k % 2) * sizeof half, &half,
                  sizeof half);
    } else {
      write_f16(panel + k / layout.group * layout.group_bytes() + column * sizeof(uint16_t));
    }
  }

  void write_f16(std::byte* to) const {
    const uint16_t half = f32_to_f16(std::bit_cast<float>(bits_));
    std::memcpy(to, &half, sizeof half);
  }

  MatrixSource& packing_;
  const uint32_t bits_;
  size_t place_ = 0;
  std::string spoilt_;
  std::list<std::vector<std::byte>> kept_;
};

struct Held {
  WeightFormat weights;
  KvCacheType kv;
};

class DamagedMemory : public testing::TestWithParam<Held> {
 protected:
  // Whether every logit of the last of some tokens is a number.
  static bool are_numbers(const Checkpoint& checkpoint, const CpuWeights& weights) {
    ThreadPool pool(1);
    const auto isa = choose_isa();
    auto kv = KvCache::allocate(checkpoint.config, GetParam().kv, 2);
    EXPECT_TRUE(isa.ok() && kv.ok());
    Forward forward(checkpoint.config, weights, kernels_for(*isa), *kv, pool);
    StepBatch prompt;
    prompt.tokens = {0, checkpoint.config.vocab_size - 1};  // rows of the embedding that are spoilt
    for (int i = 2; i < 67; ++i) prompt.tokens.push_back(3 + i % 30);
    prompt.runs = {
        {.first_token = 0, .token_count = 67, .first_position = 0, .block_table = {0, 1}}};
    forward.run(prompt);
    const StepBatch next = {
        .tokens = {5},
        .runs = {{.first_token = 0, .token_count = 1, .first_position = 67, .block_table = {0, 1}}},
        .wanted_rows = {{.token = 0}}};
    const auto logits = forward.run(next);
    return std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); });
  }
};

TEST_P(DamagedMemory, NeverGivesALogitThatLooksRight) {
  for (const char* folder : {kGrouped, kBiased}) {
    const Checkpoint checkpoint = open_small(folder);
    ThreadPool pool(1);
    PackingSource packing(*checkpoint.weights, {.format = GetParam().weights, .group_max = 32},
                          pool);
    const auto whole = load_cpu_weights(checkpoint.config, packing);
    ASSERT_TRUE(whole.ok()) << whole.status().message();
    EXPECT_TRUE(are_numbers(checkpoint, *whole)) << folder;
    for (const uint32_t bits : kBad) {
      size_t places = 1;
      for (size_t target = 0; target < places; ++target) {
        SpoilingSource source(packing, bits);
        source.target = target;
        const auto weights = load_cpu_weights(checkpoint.config, source);
        ASSERT_TRUE(weights.ok()) << weights.status().message();
        places = source.places();
        EXPECT_FALSE(are_numbers(checkpoint, *weights))
            << folder << ": " << source.spoilt() << " " << std::bit_cast<float>(bits);
      }
      EXPECT_GT(places, 20U);
    }
  }
}

std::vector<Held> all_held() {
  std::vector<Held> all;
  for (const WeightFormat weights : kFormats) {
    for (const KvCacheType kv : kKvTypes) all.push_back({weights, kv});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Formats, DamagedCheckpoint, testing::ValuesIn(kFormats),
                         [](const auto& format) { return std::string(describe(format.param)); });
INSTANTIATE_TEST_SUITE_P(Formats, DamagedMemory, testing::ValuesIn(all_held()),
                         [](const auto& held) {
                           return fmt::format("{}_kv_{}", describe(held.param.weights),
                                              describe(held.param.kv));
                         });

}  // namespace
}  // namespace puna
