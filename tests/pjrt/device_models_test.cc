// What devices hold of a model: as many shares as eight devices, int8 matrices, merged adapters.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "device_model.h"
#include "model/random_weights.h"

namespace puna {
namespace {

const std::vector<TokenId> kPrompt = {1, 5, 9, 30, 77};

Checkpoint random_checkpoint(int kv_heads) {
  LlamaConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 44;  // no degree but 4 divides it
  config.num_hidden_layers = 2;
  config.num_attention_heads = 8;
  config.num_key_value_heads = kv_heads;
  config.head_dim = 4;
  config.vocab_size = 101;
  config.max_position_embeddings = 192;
  Checkpoint checkpoint;
  checkpoint.config = config;
  checkpoint.weights = random_weights(config, 3);
  return checkpoint;
}

std::vector<float> logits_on(const BackendOptions& options, const Checkpoint& checkpoint) {
  const auto backend = open_backend(options, &checkpoint);
  EXPECT_TRUE(backend.ok()) << backend.status().message();
  if (!backend.ok()) return {};
  std::vector<float> logits;
  // Read as a prompt, and then the last token decoded.
  for (const size_t first : {size_t{0}, kPrompt.size() - 1}) {
    const auto result = (*backend)->run(one_run(kPrompt, first, kPrompt.size(), **backend));
    EXPECT_TRUE(result.ok()) << result.status().message();
    if (!result.ok()) return {};
    logits.insert(logits.end(), result->logits.values.begin(), result->logits.values.end());
  }
  return logits;
}

std::vector<float> logits_of_processor(const Checkpoint& checkpoint) {
  BackendOptions options;
  options.cpu().weights = WeightFormat::kF32;
  return logits_on(options, checkpoint);
}

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected,
                 float tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  ASSERT_FALSE(expected.empty());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance) << what << ", logit " << i;
  }
}

// A head for each device; and two KV heads, each of them on four devices.
TEST(EightDevices, HaveTheLogitsOfOne) {
  for (const int kv_heads : {8, 2}) {
    const Checkpoint checkpoint = random_checkpoint(kv_heads);
    const std::vector<float> expected = logits_of_processor(checkpoint);
    for (const char* rules : {"xla", "neuron"}) {
      BackendOptions options = device_options(rules, 8);
      options.max_num_seqs = 2;
      options.max_model_len = 64;
      options.step_tokens_max = 8;
      if (rules == std::string("neuron"))
        device_of(options).client_options = {"cpu_device_count=8"};
      expect_near(logits_on(options, checkpoint), expected, 1e-4F,
                  rules + std::string(", KV heads ") + std::to_string(kv_heads));
    }
  }
}

// Matrices of layers as int8 with a scale for each row are, computed here once more.
class RoundedWeights : public WeightSource {
 public:
  explicit RoundedWeights(std::shared_ptr<const WeightSource> source)
      : source_(std::move(source)) {}

  std::vector<const TensorInfo*> tensors() const override { return source_->tensors(); }
  const TensorInfo* find(std::string_view name) const override { return source_->find(name); }
  Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const override {
    RETURN_IF_ERROR(source_->read_rows(name, first_row, row_count, out));
    if (name.find("proj.weight") == std::string_view::npos) return {};
    const size_t width = out.size() / static_cast<size_t>(row_count);
    for (size_t row = 0; row < out.size(); row += width) {
      float largest = 0;
      for (size_t i = row; i < row + width; ++i) largest = std::max(largest, std::fabs(out[i]));
      for (size_t i = row; i < row + width; ++i) {
        out[i] = std::round(out[i] / largest * 127) * largest / 127;
      }
    }
    return {};
  }

 private:
  const std::shared_ptr<const WeightSource> source_;
};

TEST(Int8Matrices, HaveTheLogitsOfTheirRoundedValues) {
  Checkpoint checkpoint = golden_checkpoint("grouped_query_tied");
  BackendOptions options = device_options("xla");
  options.max_num_seqs = 1;
  device_of(options).weights = WeightFormat::kInt8;
  device_of(options).kv_cache_type = KvCacheType::kF32;
  const std::vector<float> actual = logits_on(options, checkpoint);
  const std::vector<float> exact = logits_of_processor(checkpoint);
  checkpoint.weights = std::make_shared<RoundedWeights>(checkpoint.weights);
  const std::vector<float> rounded = logits_of_processor(checkpoint);
  ASSERT_EQ(actual.size(), rounded.size());
  ASSERT_FALSE(rounded.empty());
  const auto distance = [&](const std::vector<float>& expected) {
    double sum = 0;
    for (size_t i = 0; i < actual.size(); ++i) {
      sum += std::fabs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    }
    return sum / static_cast<double>(actual.size());
  };
  // What is left is multiplying in bf16, less than what rounding changed.
  EXPECT_LT(distance(rounded), 0.03);
  EXPECT_LT(distance(rounded), distance(exact));
}

TEST(MergedAdapter, IsHeldByDevices) {
  Checkpoint checkpoint = golden_checkpoint("grouped_query_tied");
  BackendOptions options = device_options("xla", 2);
  options.max_num_seqs = 1;
  const std::vector<float> plain = logits_on(options, checkpoint);
  ASSERT_TRUE(apply_adapter(checkpoint, "tests/golden/adapter").ok());
  const std::vector<float> merged = logits_on(options, checkpoint);
  expect_near(merged, logits_of_processor(checkpoint), 1e-4F, "merged");
  EXPECT_NE(merged, plain);
}

}  // namespace
}  // namespace puna
