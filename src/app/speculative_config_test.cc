// What vLLM's users write, and what they get to read when it is wrong.

#include "app/speculative_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna {
namespace {

using ::testing::HasSubstr;

Result<SpeculationOptions> read(const std::string& config, bool is_on = true) {
  ModelOptions options;
  options.speculation = is_on;
  options.speculative_config = config;
  return speculation_options(options);
}

TEST(SpeculativeConfig, IsOnUnlessItIsSwitchedOff) {
  EXPECT_TRUE(read("")->is_on);
  EXPECT_FALSE(read("", false)->is_on);
  EXPECT_TRUE(read(R"({"method": "ngram"})")->is_on);
}

TEST(SpeculativeConfig, HasVllmsFields) {
  const auto options = read(R"({"method": "ngram", "num_speculative_tokens": 5,
                                "prompt_lookup_min": 3, "prompt_lookup_max": 7})");
  ASSERT_TRUE(options.ok()) << options.status().message();
  EXPECT_EQ(options->num_speculative_tokens, 5);
  EXPECT_EQ(options->prompt_lookup_min, 3);
  EXPECT_EQ(options->prompt_lookup_max, 7);
  const auto one = read(R"({"model": "[ngram]", "prompt_lookup_max": 4})");
  ASSERT_TRUE(one.ok()) << one.status().message();
  EXPECT_EQ(one->prompt_lookup_min, 4);
}

TEST(SpeculativeConfig, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> faults[] = {
      {"[]", "not a JSON object"},
      {"{", "not a JSON object"},
      {R"({"method": "eagle"})", "the method is \"eagle\""},
      {R"({"method": "ngram", "draft_model": "x"})", "draft_model is not one of method"},
      {R"({"num_speculative_tokens": 0})", "num_speculative_tokens is 0"},
      {R"({"num_speculative_tokens": 2.5})", "num_speculative_tokens is 2.5"},
      {R"({"num_speculative_tokens": 33})", "num_speculative_tokens is 33: expected 1 to 32"},
      {R"({"num_speculative_tokens": 99999999999})", "expected a whole number"},
      {R"({"prompt_lookup_min": 9, "prompt_lookup_max": 3})",
       "prompt_lookup_min is 9: expected 1 to 3"},
      {R"({"prompt_lookup_max": 65})", "prompt_lookup_max is 65: expected 1 to 64"},
  };
  for (const auto& [config, message] : faults) {
    const auto options = read(config);
    EXPECT_FALSE(options.ok()) << config;
    EXPECT_THAT(options.status().message(), HasSubstr(message));
    EXPECT_THAT(options.status().message(), HasSubstr("--speculative-config"));
  }
  EXPECT_THAT(read(R"({"method": "ngram"})", false).status().message(),
              HasSubstr("--no-speculation"));
}

}  // namespace
}  // namespace puna
