// Each parameter against its definition; distributions against the exact one by chi-square.

#include "engine/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "engine/engine.h"
#include "engine/random.h"

namespace puna {
namespace {

using ::testing::StartsWith;

const std::vector<float> kLogits = {2.0F, 1.0F, 0.5F, 0.0F, -1.0F, 1.5F, -3.0F, 0.25F};

SamplingParams params_with_seed(uint64_t seed) {
  SamplingParams params;
  params.seed = seed;
  params.max_tokens = 100;
  return params;
}

// Rows are scratch for the sampler: each choice has its own.
TokenChoice choose(Sampler& sampler, std::vector<float> logits) {
  auto choice = sampler.choose(logits);
  EXPECT_TRUE(choice.ok()) << choice.status().message();
  return choice.ok() ? *choice : TokenChoice();
}

TokenId first_choice(const SamplingParams& params, const std::vector<float>& logits = kLogits,
                     const std::vector<TokenId>& prompt = {}) {
  Sampler sampler(params, prompt, {});
  return choose(sampler, logits).token;
}

std::vector<double> softmax(const std::vector<float>& logits, double temperature) {
  std::vector<double> probabilities;
  for (const float logit : logits) {
    probabilities.push_back(std::exp(static_cast<double>(logit) / temperature));
  }
  const double sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

// Keeps the given tokens and scales them to a sum of 1.
std::vector<double> only(std::vector<double> probabilities, const std::vector<size_t>& kept) {
  double sum = 0;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    if (std::find(kept.begin(), kept.end(), i) == kept.end()) probabilities[i] = 0;
    sum += probabilities[i];
  }
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

// Draws with one seed after the other and compares the counts with `expected`.
void expect_distribution(SamplingParams params, const std::vector<double>& expected) {
  constexpr int kDraws = 20000;
  std::vector<int> counts(expected.size());
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    params.seed = seed;
    ++counts[static_cast<size_t>(first_choice(params))];
  }
  double chi_square = 0;
  int degrees = -1;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (expected[i] == 0) {
      EXPECT_EQ(counts[i], 0) << "token " << i << " is not possible";
      continue;
    }
    const double wanted = expected[i] * kDraws;
    chi_square += (counts[i] - wanted) * (counts[i] - wanted) / wanted;
    ++degrees;
  }
  // 0.999 quantiles of chi-square by degrees of freedom.
  const double limits[] = {0, 10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32};
  EXPECT_LT(chi_square, std::max(limits[degrees], 1e-9)) << degrees << " degrees of freedom";
}

TEST(Sampler, TemperatureZeroTakesTheBestAndTiesGoToTheSmallerId) {
  SamplingParams params = params_with_seed(1);
  params.temperature = 0;
  EXPECT_EQ(first_choice(params), 0);
  EXPECT_EQ(first_choice(params, {1, 3, 3, 2}), 1);
}

TEST(Sampler, FollowsTheModelsDistribution) {
  expect_distribution(params_with_seed(0), softmax(kLogits, 1));
}

TEST(Sampler, TemperatureSharpensAndFlattens) {
  SamplingParams params = params_with_seed(0);
  params.temperature = 0.5;
  expect_distribution(params, softmax(kLogits, 0.5));
  params.temperature = 2;
  expect_distribution(params, softmax(kLogits, 2));
}

TEST(Sampler, TopKKeepsTheBestK) {
  SamplingParams params = params_with_seed(0);
  params.top_k = 3;
  expect_distribution(params, only(softmax(kLogits, 1), {0, 5, 1}));
  params.top_k = 1;
  expect_distribution(params, only(softmax(kLogits, 1), {0}));
}

TEST(Sampler, TopPKeepsTheFewestThatReachP) {
  // Sorted: 0 (.395), 5 (.240), 1 (.145), …: two reach .6, three reach .7.
  const std::vector<double> exact = softmax(kLogits, 1);
  ASSERT_LT(exact[0] + exact[5], 0.7);
  ASSERT_GT(exact[0] + exact[5], 0.6);
  SamplingParams params = params_with_seed(0);
  params.top_p = 0.6;
  expect_distribution(params, only(exact, {0, 5}));
  params.top_p = 0.7;
  expect_distribution(params, only(exact, {0, 5, 1}));
  params.top_p = 1e-9;
  expect_distribution(params, only(exact, {0}));
}

TEST(Sampler, MinPKeepsWhatIsNearTheBest) {
  SamplingParams params = params_with_seed(0);
  params.min_p = 0.3;  // exp(-1.2): logits above 0.8
  expect_distribution(params, only(softmax(kLogits, 1), {0, 1, 5}));
}

TEST(Sampler, TopPCountsWithinWhatTopKLeft) {
  SamplingParams params = params_with_seed(0);
  params.top_k = 3;  // .506, .307, .186 of what is left
  params.top_p = 0.75;
  expect_distribution(params, only(softmax(kLogits, 1), {0, 5}));
}

TEST(Sampler, LogitBiasIsAdded) {
  SamplingParams params = params_with_seed(0);
  params.logit_bias = {{6, 5.0F}, {0, -100.0F}};
  std::vector<float> biased = kLogits;
  biased[6] += 5;
  biased[0] -= 100;
  std::vector<double> expected = softmax(biased, 1);
  expected[0] = 0;  // 1e-43: never drawn
  expect_distribution(params, expected);
}

TEST(Sampler, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits) {
  SamplingParams params = params_with_seed(1);
  params.temperature = 0;
  params.repetition_penalty = 2;
  EXPECT_EQ(first_choice(params, kLogits, {0}), 5);         // 2.0 -> 1.0, below 1.5
  EXPECT_EQ(first_choice(params, {-1.0F, -1.5F}, {0}), 1);  // -1.0 -> -2.0
}

TEST(Sampler, PresenceAndFrequencyCountTheAnswerOnly) {
  SamplingParams params = params_with_seed(1);
  params.temperature = 0;
  params.frequency_penalty = 0.3;
  Sampler sampler(params, std::vector<TokenId>{0, 0, 0, 0}, {});
  // 2.0, 1.7, then 1.4 is below token 5's 1.5.
  EXPECT_EQ(choose(sampler, kLogits).token, 0);
  EXPECT_EQ(choose(sampler, kLogits).token, 0);
  EXPECT_EQ(choose(sampler, kLogits).token, 5);
  params.frequency_penalty = 0;
  params.presence_penalty = 0.6;
  Sampler present(params, {}, {});
  EXPECT_EQ(choose(present, kLogits).token, 0);
  EXPECT_EQ(choose(present, kLogits).token, 5);  // 2.0 - 0.6 = 1.4
  EXPECT_EQ(choose(present, kLogits).token, 0);  // 5 is 0.9 now; 0 stays 1.4, however often
  EXPECT_EQ(choose(present, kLogits).token, 0);
}

TEST(Sampler, EndTokensAreNotChosenBeforeMinTokens) {
  SamplingParams params = params_with_seed(1);
  params.temperature = 0;
  params.min_tokens = 2;
  params.stop_token_ids = {5};
  Sampler sampler(params, {}, {0});
  EXPECT_EQ(choose(sampler, kLogits).token, 1);
  EXPECT_EQ(choose(sampler, kLogits).token, 1);
  EXPECT_EQ(choose(sampler, kLogits).token, 0);
}

TEST(Sampler, LogprobsAreOfTheUntemperedModel) {
  SamplingParams params = params_with_seed(1);
  params.temperature = 0;
  params.logit_bias = {{6, 100.0F}};
  params.logprobs = 2;
  Sampler sampler(params, {}, {});
  const TokenChoice choice = choose(sampler, kLogits);
  const std::vector<double> exact = softmax(kLogits, 1);
  EXPECT_EQ(choice.token, 6);
  EXPECT_NEAR(choice.logprob, std::log(exact[6]), 1e-9);
  ASSERT_EQ(choice.top.size(), 2U);
  EXPECT_EQ(choice.top[0].first, 0);
  EXPECT_EQ(choice.top[1].first, 5);
  EXPECT_NEAR(choice.top[1].second, std::log(exact[5]), 1e-9);
}

TEST(Sampler, AStreamOfTokensFollowsItsSeed) {
  const auto draw = [](uint64_t seed) {
    Sampler sampler(params_with_seed(seed), {}, {});
    std::vector<TokenId> tokens;
    for (int i = 0; i < 50; ++i) tokens.push_back(choose(sampler, kLogits).token);
    return tokens;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

// The definitions, step by step over the whole vocabulary.
TokenId by_definition(const SamplingParams& params, const std::vector<float>& logits) {
  const double best = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  std::vector<std::pair<double, TokenId>> all;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double weight = std::exp((static_cast<double>(logits[i]) - best) / params.temperature);
    if (weight > 0 && weight >= params.min_p) all.emplace_back(weight, static_cast<TokenId>(i));
  }
  const bool cuts_count = params.top_k > 0 && static_cast<size_t>(params.top_k) < all.size();
  if (cuts_count || params.top_p < 1) {
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
  }
  if (cuts_count) all.resize(static_cast<size_t>(params.top_k));
  const auto sum_of = [&] {
    return std::accumulate(all.begin(), all.end(), 0.0,
                           [](double sum, const auto& one) { return sum + one.first; });
  };
  if (params.top_p < 1) {
    const double share = params.top_p * sum_of();
    double sum = 0;
    size_t count = 0;
    while (count < all.size() && sum < share) sum += all[count++].first;
    all.resize(std::max<size_t>(count, 1));
  }
  const double target = uniform(params.seed, 0) * sum_of();
  double sum = 0;
  for (const auto& [weight, token] : all) {
    sum += weight;
    if (sum > target) return token;
  }
  return all.back().second;
}

TEST(Sampler, ChoosesAsTheDefinitionsDoInVocabulariesOfEverySize) {
  std::mt19937 random(1);
  for (const size_t size : {2U, 63U, 64U, 65U, 1000U, 5003U}) {
    for (int i = 0; i < 300; ++i) {
      std::normal_distribution<float> normal(0, i % 3 == 0 ? 0.3F : 4.0F);
      std::vector<float> logits(size);
      for (float& logit : logits) logit = normal(random);
      if (i % 4 == 0) {  // many ties
        for (float& logit : logits) logit = std::round(logit);
      }
      SamplingParams params = params_with_seed(random());
      params.temperature = std::vector<double>{1, 0.2, 2, 0.01}[random() % 4];
      params.top_k = std::vector<int>{0, 1, 50, 4000, -1}[random() % 5];
      params.top_p = std::vector<double>{1, 0.95, 0.5, 1e-6}[random() % 4];
      params.min_p = std::vector<double>{0, 0, 0.05, 1}[random() % 4];
      EXPECT_EQ(first_choice(params, logits), by_definition(params, logits))
          << size << " tokens, seed " << params.seed << ", temperature " << params.temperature
          << ", top_k " << params.top_k << ", top_p " << params.top_p << ", min_p " << params.min_p;
    }
  }
}

TEST(Sampler, ChoosesAmongAllowedTokensOnly) {
  SamplingParams params = params_with_seed(0);
  params.allowed_token_ids = {3, 6};
  expect_distribution(params, only(softmax(kLogits, 1), {3, 6}));
}

TEST(Sampler, BadWordsOfOneTokenAreNeverChosen) {
  SamplingParams params = params_with_seed(0);
  params.bad_words = {{0}, {5}};
  expect_distribution(params, only(softmax(kLogits, 1), {1, 2, 3, 4, 6, 7}));
}

TEST(Sampler, ABadWordsLastTokenIsForbiddenOnlyAfterTheOthers) {
  SamplingParams params = params_with_seed(1);
  params.temperature = 0;
  params.bad_words = {{0, 0, 5}, {0, 0, 0}};
  Sampler sampler(params, std::vector<TokenId>{0, 0}, {});  // the prompt is not the answer
  EXPECT_EQ(choose(sampler, kLogits).token, 0);
  EXPECT_EQ(choose(sampler, kLogits).token, 0);
  EXPECT_EQ(choose(sampler, kLogits).token, 1);
  EXPECT_EQ(choose(sampler, kLogits).token, 0);
}

TEST(Sampler, ParametersThatExcludeEveryTokenEndTheRequest) {
  SamplingParams params = params_with_seed(1);
  params.allowed_token_ids = {2};
  params.min_tokens = 1;
  std::vector<float> logits = kLogits;
  const auto choice = Sampler(params, {}, {2}).choose(logits);
  EXPECT_EQ(choice.status().code(), StatusCode::kInvalidArgument);
}

TEST(Sampler, LogitsThatAreNoNumbersEndTheRequest) {
  for (const float wrong : {NAN, INFINITY}) {
    std::vector<float> logits(100, 1.0F);
    logits[70] = wrong;
    const auto choice = Sampler(params_with_seed(1), {}, {}).choose(logits);
    EXPECT_EQ(choice.status().code(), StatusCode::kInternal);
  }
}

// Allows one token after the other.
class Script final : public TokenConstraint {
 public:
  explicit Script(std::vector<TokenId> tokens) : tokens_(std::move(tokens)) {}
  void fill(std::span<uint32_t> mask) override {
    std::fill(mask.begin(), mask.end(), 0);
    mask[static_cast<size_t>(tokens_[next_]) / 32] = 1U << (tokens_[next_] % 32);
  }
  void accept(TokenId token) override {
    EXPECT_EQ(token, tokens_[next_]);
    ++next_;
  }
  void take_back(int count) override { next_ -= static_cast<size_t>(count); }
  bool is_done() const override { return next_ == tokens_.size(); }

 private:
  const std::vector<TokenId> tokens_;
  size_t next_ = 0;
};

TEST(Sampler, AConstraintSaysWhatMayFollowAndLearnsWhatDid) {
  const auto script = std::make_shared<Script>(std::vector<TokenId>{33, 2, 69});
  Sampler sampler(params_with_seed(1), {}, {}, script);
  const std::vector<float> logits(70, 1.0F);
  EXPECT_EQ(choose(sampler, logits).token, 33);
  EXPECT_EQ(choose(sampler, logits).token, 2);
  EXPECT_FALSE(script->is_done());
  EXPECT_EQ(choose(sampler, logits).token, 69);
  EXPECT_TRUE(script->is_done());
}

TEST(SamplingParams, RefusalsBeginWithTheField) {
  const auto message = [](const auto& change) {
    SamplingParams params = params_with_seed(1);
    change(params);
    return validate(params, 8).message();
  };
  EXPECT_EQ(message([](SamplingParams&) {}), "");
  EXPECT_THAT(message([](SamplingParams& p) { p.temperature = 2.1; }), StartsWith("temperature"));
  EXPECT_THAT(message([](SamplingParams& p) { p.temperature = NAN; }), StartsWith("temperature"));
  EXPECT_THAT(message([](SamplingParams& p) { p.top_p = 0; }), StartsWith("top_p"));
  EXPECT_THAT(message([](SamplingParams& p) { p.top_k = -2; }), StartsWith("top_k"));
  EXPECT_THAT(message([](SamplingParams& p) { p.min_p = 1.5; }), StartsWith("min_p"));
  EXPECT_THAT(message([](SamplingParams& p) { p.presence_penalty = 3; }),
              StartsWith("presence_penalty"));
  EXPECT_THAT(message([](SamplingParams& p) { p.frequency_penalty = -3; }),
              StartsWith("frequency_penalty"));
  EXPECT_THAT(message([](SamplingParams& p) { p.repetition_penalty = 0; }),
              StartsWith("repetition_penalty"));
  EXPECT_THAT(message([](SamplingParams& p) { p.max_tokens = -1; }), StartsWith("max_tokens"));
  EXPECT_THAT(message([](SamplingParams& p) { p.allowed_token_ids = {-1}; }),
              StartsWith("allowed_token_ids"));
  EXPECT_THAT(message([](SamplingParams& p) { p.bad_words = {{1}, {}}; }), StartsWith("bad_words"));
  EXPECT_THAT(message([](SamplingParams& p) { p.bad_words = {{1, 8}}; }), StartsWith("bad_words"));
  EXPECT_THAT(message([](SamplingParams& p) { p.min_tokens = 101; }), StartsWith("min_tokens"));
  EXPECT_THAT(message([](SamplingParams& p) { p.logprobs = 21; }), StartsWith("logprobs"));
  EXPECT_THAT(message([](SamplingParams& p) { p.logit_bias = {{8, 1.0F}}; }),
              StartsWith("logit_bias"));
  EXPECT_THAT(message([](SamplingParams& p) { p.stop_token_ids = {8}; }),
              StartsWith("stop_token_ids"));
  EXPECT_THAT(message([](SamplingParams& p) { p.stop_token_ids.assign(1025, 1); }),
              StartsWith("stop_token_ids"));
}

}  // namespace
}  // namespace puna
