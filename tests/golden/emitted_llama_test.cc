// The emitted step, executed, against Hugging Face transformers in float32: prefill in chunks,
// decode in batches, block tables and slots, one device and several.

#include "emitted_llama.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "golden_model.h"
#include "model/llama_shapes.h"
#include "stablehlo/tensor_parallel.h"

namespace puna {
namespace {

using stablehlo::ProgramShape;

constexpr float kTolerance = 1e-3F;
constexpr int kChunk = 64;
constexpr int kBatch = 4;
constexpr int kTableBlocks = 3;  // 192 positions; the longest golden has 150

struct Placement {
  std::string checkpoint;
  std::string profile;
  int degree = 1;

  friend std::ostream& operator<<(std::ostream& out, const Placement& placement) {
    return out << placement.profile << " " << placement.degree;
  }
};

std::string name_of(const Placement& placement) {
  return placement.checkpoint + "_" + placement.profile + "_" + std::to_string(placement.degree);
}

struct Case {
  std::vector<TokenId> ids;
  std::vector<size_t> positions;
  std::vector<std::vector<float>> logits;
};

class Golden {
 public:
  explicit Golden(const std::string& checkpoint) {
    const std::filesystem::path folder = std::filesystem::path("tests/golden/llama") / checkpoint;
    auto opened = open_checkpoint(folder);
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    if (opened.ok()) checkpoint_ = std::move(opened).value();
    const Json golden = read_golden(folder / "logits.json");
    for (const Json& one : golden["cases"]) {
      cases_.push_back({one["ids"].get<std::vector<TokenId>>(),
                        one["positions"].get<std::vector<size_t>>(),
                        one["logits"].get<std::vector<std::vector<float>>>()});
    }
  }

  const LlamaConfig& config() const { return checkpoint_.config; }
  const WeightSource& weights() const { return *checkpoint_.weights; }
  const std::vector<Case>& cases() const { return cases_; }

 private:
  Checkpoint checkpoint_;
  std::vector<Case> cases_;
};

ProgramShape shape_for(int degree) {
  ProgramShape shape;
  shape.table_blocks = kTableBlocks;
  shape.slot_blocks = kTableBlocks;
  shape.pool_blocks = kBatch * kTableBlocks + stablehlo::spare_blocks(kChunk);
  shape.positions = kTableBlocks * stablehlo::kBlockPositions;
  shape.degree = degree;
  return shape;
}

// Of sequence i: with tables in an order of their own, with slots neighbours.
std::vector<int> table_of(int sequence, const std::string& profile) {
  const int first = sequence * kTableBlocks;
  if (profile == "neuron") return {first, first + 1, first + 2};
  return {first + 2, first, first + 1};
}

EmittedRow part(const Case& one, size_t first, size_t last, std::vector<int> table) {
  EmittedRow row;
  row.tokens.assign(one.ids.begin() + static_cast<ptrdiff_t>(first),
                    one.ids.begin() + static_cast<ptrdiff_t>(last));
  row.first_position = static_cast<int>(first);
  row.table = std::move(table);
  return row;
}

// Compares the logits of one position, if the golden has them; says whether it had.
bool compare(const Case& one, size_t position, const std::vector<float>& logits) {
  const auto found = std::find(one.positions.begin(), one.positions.end(), position);
  if (found == one.positions.end()) return false;
  const auto& expected = one.logits[static_cast<size_t>(found - one.positions.begin())];
  EXPECT_EQ(logits.size(), expected.size());
  float largest = 0;
  for (size_t id = 0; id < std::min(logits.size(), expected.size()); ++id) {
    const float difference = std::abs(logits[id] - expected[id]);
    largest = std::isnan(difference) ? std::numeric_limits<float>::infinity()
                                     : std::max(largest, difference);
  }
  EXPECT_LE(largest, kTolerance) << "position " << position;
  return true;
}

TokenId argmax(const std::vector<float>& logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

class EmittedStep : public testing::TestWithParam<Placement> {
 protected:
  Golden golden_{GetParam().checkpoint};
  EmittedLlama model_{golden_.config(), golden_.weights(), shape_for(GetParam().degree),
                      GetParam().profile};

  std::vector<int> table(int sequence) const { return table_of(sequence, GetParam().profile); }
};

TEST_P(EmittedStep, PrefillHasTheLogitsOfTransformers) {
  size_t compared = 0;
  for (size_t i = 0; i < golden_.cases().size(); ++i) {
    const Case& one = golden_.cases()[i];
    for (size_t first = 0; first < one.ids.size(); first += kChunk) {
      const size_t last = std::min(one.ids.size(), first + kChunk);
      const auto result =
          model_.prefill(part(one, first, last, table(static_cast<int>(i))), kChunk);
      for (size_t row = 0; row < result.logits.size(); ++row) {
        compared += compare(one, first + row, result.logits[row]) ? 1U : 0U;
        ASSERT_EQ(result.chosen[row], argmax(result.logits[row]));
      }
    }
  }
  EXPECT_EQ(compared, 12U);
}

// Sequences 2 and 0 side by side, the last of them decoded from 60 on, so that it enters a block.
TEST_P(EmittedStep, DecodeInABatchHasTheLogitsOfTransformers) {
  const Case& longer = golden_.cases()[0];
  const Case& shorter = golden_.cases()[1];
  for (const auto& [first, last] : {std::pair<size_t, size_t>{0, 64}, {64, 128}, {128, 140}}) {
    model_.prefill(part(longer, first, last, table(1)), kChunk, true);
  }
  model_.prefill(part(shorter, 0, 60, table(0)), kChunk, true);
  size_t compared = 0;
  for (size_t i = 0; i < 10; ++i) {
    const auto result = model_.decode(
        {part(shorter, 60 + i, 61 + i, table(0)), part(longer, 140 + i, 141 + i, table(1))},
        kBatch);
    ASSERT_EQ(result.logits.size(), 2U);
    compared += compare(shorter, 60 + i, result.logits[0]) ? 1U : 0U;
    compared += compare(longer, 140 + i, result.logits[1]) ? 1U : 0U;
    EXPECT_EQ(result.chosen[1], argmax(result.logits[1]));
  }
  EXPECT_EQ(compared, 4U);  // 63, 64 and 69 of one, 149 of the other
}

std::vector<Placement> placements() {
  std::vector<Placement> all;
  for (const char* checkpoint : {"multi_head", "grouped_query_tied", "multi_query_biases_head_24",
                                 "rope_linear", "rope_llama3"}) {
    all.push_back({checkpoint, "cpu", 1});
  }
  // Degree 4 has more devices than the second has KV heads.
  for (const char* checkpoint : {"multi_head", "grouped_query_tied"}) {
    for (const int degree : {2, 4}) {
      all.push_back({checkpoint, "cuda", degree});
      all.push_back({checkpoint, "neuron", degree});
    }
  }
  all.push_back({"grouped_query_tied", "neuron", 1});
  all.push_back({"multi_query_biases_head_24", "tpu", 4});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Goldens, EmittedStep, testing::ValuesIn(placements()),
                         [](const auto& subject) { return name_of(subject.param); });

// In one program of each kind, whatever else is there.
TEST(EmittedStepAlone, HasTheBitsItHasInCompany) {
  const Golden golden("grouped_query_tied");
  const Case& one = golden.cases()[0];
  const auto logits_of = [&](EmittedLlama& model, const std::vector<int>& table, bool has_company) {
    model.prefill(part(one, 0, 64, table), kChunk, true);
    const EmittedRow own = part(one, 64, 65, table);
    const EmittedRow first = part(golden.cases()[1], 0, 1, {9, 10, 11});
    const EmittedRow last = part(golden.cases()[1], 0, 1, {0, 1, 2});
    const auto result =
        has_company ? model.decode({first, own, last}, kBatch) : model.decode({own}, kBatch);
    return result.logits.empty() ? std::vector<float>() : result.logits[has_company ? 1 : 0];
  };
  EmittedLlama alone(golden.config(), golden.weights(), shape_for(1), "cpu");
  EmittedLlama beside(golden.config(), golden.weights(), shape_for(1), "cpu");
  // Earlier owners of the blocks left what no sum survives.
  beside.fill_pools(std::numeric_limits<float>::quiet_NaN());
  const auto expected = logits_of(alone, {0, 1, 2}, false);
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(logits_of(beside, {7, 3, 5}, true), expected);
}

TEST(EmittedStepAlone, AChunkMayBeCutAnywhere) {
  const Golden golden("multi_head");
  const Case& one = golden.cases()[1];
  const auto last_of = [&](const std::vector<size_t>& cuts) {
    EmittedLlama model(golden.config(), golden.weights(), shape_for(1), "cpu");
    EmittedResult result;
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      result = model.prefill(part(one, cuts[i], cuts[i + 1], {0, 1, 2}), kChunk, true);
    }
    return result.logits.at(0);
  };
  EXPECT_EQ(last_of({0, 64, 70}), last_of({0, 1, 33, 65, 70}));
}

// bf16 rounds weights, K and V and what enters a matrix: close to f32, and the same choices.
TEST(EmittedStepAlone, Bf16IsCloseToF32) {
  const Golden golden("grouped_query_tied");
  const Case& one = golden.cases()[1];
  ProgramShape shape = shape_for(1);
  EmittedLlama exact(golden.config(), golden.weights(), shape, "cpu");
  shape.weights = stablehlo::ElementType::kBf16;
  shape.kv = stablehlo::ElementType::kBf16;
  EmittedLlama rounded(golden.config(), golden.weights(), shape, "cpu");
  const auto expected = exact.prefill(part(one, 0, 64, {0, 1, 2}), kChunk);
  const auto actual = rounded.prefill(part(one, 0, 64, {0, 1, 2}), kChunk);
  double error = 0;
  double energy = 0;
  int agreed = 0;
  for (size_t row = 0; row < 64; ++row) {
    agreed += actual.chosen[row] == expected.chosen[row] ? 1 : 0;
    for (size_t id = 0; id < expected.logits[row].size(); ++id) {
      const double difference = actual.logits[row][id] - expected.logits[row][id];
      error += difference * difference;
      energy += static_cast<double>(expected.logits[row][id]) * expected.logits[row][id];
    }
  }
  const double relative = std::sqrt(error / energy);
  std::cout << "relative error of bf16 logits: " << relative << ", same choice " << agreed
            << " of 64\n";
  EXPECT_GT(relative, 1e-4);
  EXPECT_LT(relative, 2e-2);
  EXPECT_GE(agreed, 60);
}

TEST(EmittedStepAlone, EveryKnownShapeIsAProgramAtEveryDegree) {
  for (const std::string& name : llama_shape_names()) {
    const LlamaConfig config = find_llama_shape(name).value();
    const std::vector<int> degrees = stablehlo::valid_degrees(config);
    for (const int degree : {1, *(std::upper_bound(degrees.begin(), degrees.end(), 8) - 1)}) {
      ProgramShape shape = shape_for(degree);
      shape.sequences = kBatch;
      shape.logit_rows = kBatch;
      const auto emitted =
          stablehlo::emit_llama_step(config, shape, *stablehlo::find_platform_profile("neuron"));
      ASSERT_TRUE(emitted.ok()) << name << ": " << emitted.status().message();
      if (degree < 2) std::cout << name << ": " << emitted->text.size() << " bytes of text\n";
      const auto program = interpreter::parse_program(emitted->text);
      ASSERT_TRUE(program.ok()) << name << ": " << program.status().message();
      EXPECT_EQ(program->devices().count(), degree);
      EXPECT_EQ(program->inputs().size(), emitted->arguments.size());
    }
  }
}

}  // namespace
}  // namespace puna
