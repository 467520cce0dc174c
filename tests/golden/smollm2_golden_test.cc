// SmolLM2-135M-Instruct against Hugging Face transformers in float32: logits, greedy answers,
// perplexity.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "golden_model.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace puna {
namespace {

constexpr const char* kModel = "build/models/SmolLM2-135M-Instruct.Q4_1.gguf";
constexpr const char* kGolden = "tests/golden/llama/smollm2/golden.json";
constexpr const char* kLastLogits = "tests/golden/llama/smollm2/last_logits.json";
constexpr float kTolerance = 1e-3f;  // on logits of order 10
constexpr TokenId kEnd = 2;

std::vector<double> log_softmax(const std::vector<float>& logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - top);
  std::vector<double> logprobs;
  for (const float logit : logits) logprobs.push_back(logit - top - std::log(sum));
  return logprobs;
}

TokenId argmax(const std::vector<float>& logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Of each token of `ids` but the first, given those before it.
std::vector<double> logprobs_of_next(const std::vector<TokenId>& ids,
                                     const std::vector<std::vector<float>>& logits) {
  std::vector<double> logprobs;
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    logprobs.push_back(log_softmax(logits[i])[static_cast<size_t>(ids[i + 1])]);
  }
  return logprobs;
}

double perplexity(const std::vector<double>& logprobs) {
  double sum = 0;
  for (const double logprob : logprobs) sum += logprob;
  return std::exp(-sum / static_cast<double>(logprobs.size()));
}

// How a weight format differs from f32 on the golden text.
struct Accuracy {
  double perplexity_change = 0;  // relative
  double mean_kl = 0;            // of f32's distribution from this one's, in nats
  double top1_agreement = 0;
};

Accuracy accuracy_of(WeightFormat weights, const std::vector<TokenId>& ids,
                     const std::vector<std::vector<float>>& exact) {
  GoldenModel model(kModel, weights);
  if (!model.ok()) return {.perplexity_change = 1, .mean_kl = 1, .top1_agreement = 0};
  const auto logits = model.logits(ids);
  Accuracy accuracy;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::vector<double> p = log_softmax(exact[i]);
    const std::vector<double> q = log_softmax(logits[i]);
    for (size_t id = 0; id < p.size(); ++id) accuracy.mean_kl += std::exp(p[id]) * (p[id] - q[id]);
    accuracy.top1_agreement += argmax(exact[i]) == argmax(logits[i]) ? 1 : 0;
  }
  const auto count = static_cast<double>(ids.size());
  accuracy.mean_kl /= count;
  accuracy.top1_agreement /= count;
  accuracy.perplexity_change =
      perplexity(logprobs_of_next(ids, logits)) / perplexity(logprobs_of_next(ids, exact)) - 1;
  std::cout << describe(weights) << " on " << ids.size() << " tokens: perplexity "
            << 100 * accuracy.perplexity_change << " %, mean KL " << accuracy.mean_kl
            << ", top-1 agreement " << 100 * accuracy.top1_agreement << " %\n";
  return accuracy;
}

class SmolLm2 : public testing::Test {
 protected:
  const Json golden_ = read_golden(kGolden);
};

TEST_F(SmolLm2, HasTheLogitsOfTransformers) {
  GoldenModel model(kModel, WeightFormat::kF32);
  ASSERT_TRUE(model.ok());
  const Json last_logits = read_golden(kLastLogits);
  float largest = 0;
  for (size_t chat = 0; chat < 3; ++chat) {
    const auto ids = golden_["chats"][chat]["prompt_ids"].get<std::vector<TokenId>>();
    const auto expected = last_logits[chat].get<std::vector<float>>();
    const std::vector<float> row = model.logits(ids).back();
    ASSERT_EQ(row.size(), expected.size());
    for (size_t id = 0; id < row.size(); ++id) {
      ASSERT_NEAR(row[id], expected[id], kTolerance);
      largest = std::max(largest, std::abs(row[id] - expected[id]));
    }
  }
  std::cout << "largest difference of a logit: " << largest << "\n";
}

TEST_F(SmolLm2, GivesTheSameGreedyAnswersAsTransformers) {
  GoldenModel model(kModel, WeightFormat::kF32);
  ASSERT_TRUE(model.ok());
  for (const Json& chat : golden_["chats"]) {
    const auto answer = model.greedy(chat["prompt_ids"].get<std::vector<TokenId>>(), 48, kEnd);
    EXPECT_EQ(answer, chat["greedy_ids"].get<std::vector<TokenId>>()) << chat["prompt"];
  }
}

TEST_F(SmolLm2, WritesAndTokenizesChatPromptsAsTransformersDoes) {
  const auto checkpoint = open_checkpoint(kModel);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const auto tokenizer = load_tokenizer(checkpoint->tokenizer);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const auto chat_template = ChatTemplate::parse(checkpoint->chat_template, "SmolLM2");
  ASSERT_TRUE(chat_template.ok()) << chat_template.status().message();
  for (const Json& chat : golden_["chats"]) {
    const std::vector<ChatMessage> messages = {{"user", chat["prompt"].get<std::string>()}};
    const auto prompt = chat_template->render(messages, {});
    ASSERT_TRUE(prompt.ok()) << prompt.status().message();
    const auto ids = (*tokenizer)->encode_prompt(*prompt);
    ASSERT_TRUE(ids.ok()) << ids.status().message();
    EXPECT_EQ(*ids, chat["prompt_ids"].get<std::vector<TokenId>>());
  }
}

TEST_F(SmolLm2, HoldsItsAccuracyInEveryWeightFormat) {
  const auto ids = golden_["text"]["ids"].get<std::vector<TokenId>>();
  GoldenModel model(kModel, WeightFormat::kF32);
  ASSERT_TRUE(model.ok());
  const auto exact = model.logits(ids);
  const std::vector<double> logprobs = logprobs_of_next(ids, exact);
  const auto expected = golden_["text"]["logprob_of_next"].get<std::vector<double>>();
  ASSERT_EQ(logprobs.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(logprobs[i], expected[i], kTolerance);

  const Accuracy bf16 = accuracy_of(WeightFormat::kBf16, ids, exact);
  EXPECT_LE(bf16.perplexity_change, 0.003);
  EXPECT_LE(bf16.mean_kl, 0.002);
  EXPECT_GE(bf16.top1_agreement, 0.97);
  const Accuracy int8 = accuracy_of(WeightFormat::kInt8, ids, exact);
  EXPECT_LE(int8.perplexity_change, 0.005);
  EXPECT_LE(int8.mean_kl, 0.003);
  EXPECT_GE(int8.top1_agreement, 0.96);
  // The file's own 4-bit values: only activations are rounded.
  const Accuracy int4 = accuracy_of(WeightFormat::kInt4, ids, exact);
  EXPECT_LE(int4.perplexity_change, 0.007);
  EXPECT_LE(int4.mean_kl, 0.01);
  EXPECT_GE(int4.top1_agreement, 0.95);
}

}  // namespace
}  // namespace puna
