// Which machines are chosen, and what is said of those that are not.

#include "plan/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "model/llama_shapes.h"
#include "model/random_weights.h"

namespace puna::plan {
namespace {

using testing::HasSubstr;

const Catalogue& built_in() {
  static const auto catalogue = parse_catalogue(built_in_catalogue(), "catalogue.json");
  return catalogue.value();
}

PlanRequest request_of(const std::string& shape) {
  PlanRequest request;
  request.model_name = shape;
  request.config = find_llama_shape(shape).value_or(LlamaConfig());
  request.weights = random_weights(request.config, 0);
  request.context = 4096;
  request.ttft_limit = 10;
  request.tpot_limit = 0.25;
  request.region = "us-west-2";
  return request;
}

Plan plan_of(const PlanRequest& request) {
  auto plan = make_plan(request, built_in());
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  return plan.ok() ? *plan : Plan();
}

std::string refusal_of(const PlanRequest& request, const std::string& instance, int degree) {
  for (const Instance& one : built_in().instances) {
    if (one.name != instance) continue;
    for (const DegreeVerdict& verdict : degree_verdicts(request, one, WeightFormat::kBf16)) {
      if (verdict.degree == degree) return verdict.refusal;
    }
  }
  return "not judged";
}

TEST(Planner, TheSeedsDegreesAreRefusedWithTheReason) {
  const PlanRequest model = request_of("llama-2-13b");
  EXPECT_THAT(refusal_of(model, "inf2.24xlarge", 12), HasSubstr("12 does not divide 40 heads"));
  EXPECT_THAT(refusal_of(model, "inf2.48xlarge", 24), HasSubstr("24 does not divide 40 heads"));
  EXPECT_EQ(refusal_of(model, "inf2.48xlarge", 8), "");
  EXPECT_EQ(refusal_of(model, "inf2.48xlarge", 20), "");
  EXPECT_THAT(refusal_of(model, "inf2.48xlarge", 1), HasSubstr("too much for 1 of its devices"));
  EXPECT_EQ(refusal_of(request_of("llama-2-70b"), "inf2.48xlarge", 16), "");
  EXPECT_THAT(refusal_of(request_of("llama-2-70b"), "inf2.48xlarge", 8), HasSubstr("too much"));
}

TEST(Planner, WhatIsChosenHasTheMemoryAndADegreeThatDivides) {
  for (const char* shape : {"smollm2-135m", "llama-2-7b", "llama-2-13b", "llama-2-70b"}) {
    for (const char* on : {"", "inf2", "trn1", "gpu", "cpu"}) {
      PlanRequest request = request_of(shape);
      request.on = on;
      for (const PlanOption& option : plan_of(request).options) {
        SCOPED_TRACE(std::string(shape) + " on " + option.instance.name);
        EXPECT_LE(option.need.total(), option.memory_bytes);
        EXPECT_GE(option.streams, 1);
        EXPECT_EQ(request.config.num_attention_heads % option.degree.degree, 0);
        EXPECT_GE(option.instances * option.replicas_per_instance, option.replicas);
      }
    }
  }
}

TEST(Planner, TheChoiceIsTheCheapestThatKeepsEverything) {
  PlanRequest request = request_of("llama-2-7b");
  request.workload.users = 100;
  const Plan plan = plan_of(request);
  ASSERT_TRUE(plan.has_choice());
  for (const PlanOption& option : plan.options) {
    if (option.misses.empty()) {
      EXPECT_GE(option.month(), plan.options.front().month());
    }
  }
  EXPECT_LE(plan.options.front().at_peak.ttft_p95, request.ttft_limit * 1.01);
  EXPECT_LE(plan.options.front().at_peak.tpot_p95, request.tpot_limit * 1.01);
}

TEST(Planner, MoreUsersTakeMoreReplicasAndTenTimesTheUsersAboutTenTimes) {
  PlanRequest request = request_of("llama-2-13b");
  request.on = "gpu";
  request.workload.users = 1000;
  const Plan few = plan_of(request);
  request.workload.users = 10000;
  const Plan many = plan_of(request);
  ASSERT_TRUE(few.has_choice() && many.has_choice());
  EXPECT_GT(many.options.front().month(), 5 * few.options.front().month());
  EXPECT_LT(many.options.front().month(), 11 * few.options.front().month());
}

TEST(Planner, TokensASecondAreKeptByTheReplicasTogether) {
  PlanRequest request = request_of("llama-2-7b");
  request.tokens_per_second = 5000;
  const Plan plan = plan_of(request);
  ASSERT_TRUE(plan.has_choice());
  const PlanOption& choice = plan.options.front();
  EXPECT_GE(choice.replicas * choice.throughput_max, 5000);
}

TEST(Planner, WhatCannotBeKeptIsSaidWithTheNearestFirst) {
  PlanRequest request = request_of("llama-2-70b");
  request.tpot_limit = 0.001;
  const Plan slow = plan_of(request);
  ASSERT_FALSE(slow.options.empty());
  EXPECT_FALSE(slow.has_choice());
  EXPECT_THAT(slow.options.front().misses, HasSubstr("a token for one user alone, 1 wanted"));
  request = request_of("llama-2-70b");
  request.budget_month = 10;
  const Plan dear = plan_of(request);
  EXPECT_THAT(dear.options.front().misses, HasSubstr("a month, 10 wanted"));
  for (const PlanOption& option : dear.options) {
    if (option.users_max > 0) {
      EXPECT_GE(option.month(), dear.options.front().month());
    }
  }
}

TEST(Planner, AMachineWithoutTheMemoryIsRefusedByHowMuch) {
  const Plan plan = plan_of(request_of("llama-2-70b"));
  const auto small = std::find_if(plan.refused.begin(), plan.refused.end(), [](const Refusal& one) {
    return one.instance == "inf2.8xlarge";
  });
  ASSERT_NE(small, plan.refused.end());
  EXPECT_THAT(small->reason, HasSubstr("too much"));
  // Its 12 cores divide no heads, but that is not what is in the way: 8 do.
  const auto large = std::find_if(plan.refused.begin(), plan.refused.end(), [](const Refusal& one) {
    return one.instance == "inf2.24xlarge";
  });
  ASSERT_NE(large, plan.refused.end());
  EXPECT_THAT(large->reason, HasSubstr("too much for 8 of its devices"));
}

TEST(Planner, WhatCannotBeIsRefusedInOneLine) {
  PlanRequest request = request_of("llama-2-7b");
  request.region = "eu-moon-1";
  EXPECT_THAT(make_plan(request, built_in()).status().message(),
              HasSubstr("--region eu-moon-1: the catalogue of 2025-06 knows us-east-1"));
  request = request_of("llama-2-7b");
  request.context = 5000;
  EXPECT_THAT(make_plan(request, built_in()).status().message(),
              HasSubstr("--context 5000: the model has 4096 positions"));
  request.context = 700;
  EXPECT_THAT(make_plan(request, built_in()).status().message(),
              HasSubstr("--prompt-tokens 512 and --answer-tokens 256 are more than --context 700"));
}

TEST(Planner, ARegionWithoutInferentiaSaysSo) {
  Catalogue catalogue = built_in();
  catalogue.regions.push_back({"us-west-1", {"m5"}});
  PlanRequest request = request_of("llama-2-7b");
  request.region = "us-west-1";
  request.on = "inf2";
  EXPECT_EQ(make_plan(request, catalogue).status().message(),
            "--region us-west-1: the catalogue of 2025-06 has no inf2 there");
}

}  // namespace
}  // namespace puna::plan
