// Logits of the small checkpoints against Hugging Face transformers in float32.
//
// The goldens are made by tools/goldens/make_llama_goldens.py, which writes its versions into them.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "golden_model.h"

namespace puna {
namespace {

constexpr float kTolerance = 1e-3f;

class SmallLlama : public testing::TestWithParam<const char*> {};

TEST_P(SmallLlama, HasTheLogitsOfTransformers) {
  const std::filesystem::path folder = std::filesystem::path("tests/golden/llama") / GetParam();
  const Json golden = read_golden(folder / "logits.json");
  GoldenModel model(folder, WeightFormat::kF32);
  ASSERT_TRUE(model.ok());
  for (const Json& expected : golden["cases"]) {
    const auto logits = model.logits(expected["ids"].get<std::vector<TokenId>>());
    for (size_t i = 0; i < expected["positions"].size(); ++i) {
      const auto position = expected["positions"][i].get<size_t>();
      const auto row = expected["logits"][i].get<std::vector<float>>();
      ASSERT_EQ(row.size(), logits[position].size());
      for (size_t id = 0; id < row.size(); ++id) {
        ASSERT_NEAR(logits[position][id], row[id], kTolerance)
            << "position " << position << ", token " << id;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, SmallLlama,
                         testing::Values("multi_head", "grouped_query_tied",
                                         "multi_query_biases_head_24", "rope_linear",
                                         "rope_llama3"),
                         [](const auto& subject) { return std::string(subject.param); });

}  // namespace
}  // namespace puna
