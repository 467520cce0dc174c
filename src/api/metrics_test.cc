// The names that dashboards and autoscalers read: frozen.

#include "api/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace puna {
namespace {

using std::chrono::duration;

const ModelCard kCard = {
    .name = "m", .names = {"m"}, .max_model_len = 4096, .kv_cache_dtype = "bf16"};

std::set<std::string> families_of(const std::string& text) {
  std::set<std::string> families;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) families.insert(line.substr(7));
  }
  return families;
}

TEST(Metrics, NamesAndTypesAreFrozen) {
  Metrics metrics;
  metrics.count_request("/health", "GET", 200);
  EngineStats stats;
  stats.draft_tokens_max = 2;
  EXPECT_EQ(families_of(metrics.text(&stats, &kCard)),
            (std::set<std::string>{
                "http_requests_total counter",
                "puna_engine_step_seconds_total counter",
                "puna_engine_steps_total counter",
                "puna_kv_blocks gauge",
                "puna_kv_blocks_cached gauge",
                "puna_kv_blocks_used gauge",
                "vllm:admission_rejections_total counter",
                "vllm:cache_config_info gauge",
                "vllm:e2e_request_latency_seconds histogram",
                "vllm:generation_tokens_total counter",
                "vllm:inter_token_latency_seconds histogram",
                "vllm:iteration_tokens_total_bucket untyped",
                "vllm:iteration_tokens_total_count untyped",
                "vllm:iteration_tokens_total_sum untyped",
                "vllm:kv_cache_usage_perc gauge",
                "vllm:num_preemptions_total counter",
                "vllm:num_requests_running gauge",
                "vllm:num_requests_waiting gauge",
                "vllm:prefix_cache_hits_total counter",
                "vllm:prefix_cache_queries_total counter",
                "vllm:prompt_tokens_cached_total counter",
                "vllm:prompt_tokens_total counter",
                "vllm:request_decode_time_seconds histogram",
                "vllm:request_generation_tokens histogram",
                "vllm:request_inference_time_seconds histogram",
                "vllm:request_max_num_generation_tokens histogram",
                "vllm:request_params_max_tokens histogram",
                "vllm:request_params_n histogram",
                "vllm:request_prefill_kv_computed_tokens histogram",
                "vllm:request_prefill_time_seconds histogram",
                "vllm:request_prompt_tokens histogram",
                "vllm:request_queue_time_seconds histogram",
                "vllm:request_success_total counter",
                "vllm:request_time_per_output_token_seconds histogram",
                "vllm:spec_decode_num_accepted_tokens_per_pos_total counter",
                "vllm:spec_decode_num_accepted_tokens_total counter",
                "vllm:spec_decode_num_draft_tokens_total counter",
                "vllm:spec_decode_num_drafts_total counter",
                "vllm:time_to_first_token_seconds histogram",
            }));
}

// As in vLLM, whose boards then show no empty panel.
TEST(Metrics, SpeculationIsThereWhereItIsOn) {
  EngineStats stats;
  EXPECT_EQ(Metrics().text(&stats, &kCard).find("spec_decode"), std::string::npos);
  stats.draft_tokens_max = 2;
  stats.drafts = 9;
  stats.draft_tokens = 18;
  stats.accepted_tokens = 12;
  stats.accepted_by_place = {8, 4};
  const std::string text = Metrics().text(&stats, &kCard);
  const std::string labels = R"({model_name="m",engine="0")";
  const std::string name = "vllm:spec_decode_num_";
  for (const auto& [metric, value] : {std::pair{"drafts_total", "} 9"},
                                      {"draft_tokens_total", "} 18"},
                                      {"accepted_tokens_total", "} 12"},
                                      {"accepted_tokens_per_pos_total", R"(,position="0"} 8)"},
                                      {"accepted_tokens_per_pos_total", R"(,position="1"} 4)"}}) {
    EXPECT_NE(text.find(name + metric + labels + value + "\n"), std::string::npos) << metric;
  }
  EXPECT_EQ(text.find(R"(position="2")"), std::string::npos);
}

TEST(Metrics, TheEnginesNumbersAreThere) {
  EngineStats stats;
  stats.sequences_running = 3;
  stats.blocks_total = 8;
  stats.blocks_used = 2;
  stats.blocks_cached = 6;
  stats.prefix_cache_queries = 100;
  stats.prefix_cache_hits = 64;
  stats.has_prefix_cache = true;
  stats.finished_cancelled = 5;
  const std::string text = Metrics().text(&stats, &kCard);
  const std::string labels = R"({model_name="m",engine="0")";
  EXPECT_NE(text.find("vllm:num_requests_running" + labels + "} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("vllm:kv_cache_usage_perc" + labels + "} 0.25\n"), std::string::npos);
  EXPECT_NE(text.find("vllm:prefix_cache_queries_total" + labels + "} 100\n"), std::string::npos);
  EXPECT_NE(text.find("vllm:prefix_cache_hits_total" + labels + "} 64\n"), std::string::npos);
  EXPECT_NE(text.find(R"(enable_prefix_caching="True")"), std::string::npos);
  EXPECT_NE(text.find("vllm:request_success_total" + labels + R"(,finished_reason="abort"} 5)"),
            std::string::npos);
}

TEST(Metrics, AFinishedRequestIsInTheHistograms) {
  Metrics metrics;
  const GenerationTimings timings{.queued = duration<double>(0.25),
                                  .first_token = duration<double>(0.75),
                                  .decode = duration<double>(2),
                                  .total = duration<double>(2.75)};
  metrics.count_finish({.prompt_tokens = 10, .cached_tokens = 4, .completion_tokens = 5}, timings);
  const EngineStats stats;
  const std::string text = metrics.text(&stats, &kCard);
  const auto has_sum = [&](const std::string& name, const std::string& sum) {
    return text.find(name + R"(_sum{model_name="m",engine="0"} )" + sum + "\n") !=
           std::string::npos;
  };
  EXPECT_TRUE(has_sum("vllm:request_prefill_time_seconds", "0.5")) << text;
  EXPECT_TRUE(has_sum("vllm:request_prefill_kv_computed_tokens", "6"));
  EXPECT_TRUE(has_sum("vllm:request_time_per_output_token_seconds", "0.5"));
  EXPECT_TRUE(has_sum("vllm:e2e_request_latency_seconds", "2.75"));
}

TEST(Metrics, TokensOfStepsAreInVllmsClasses) {
  EngineStats stats;
  for (const int tokens : {1, 9, 16, 20000}) count_step(tokens, stats);
  const std::string text = Metrics().text(&stats, &kCard);
  const auto has = [&](const std::string& line) { return text.find(line) != std::string::npos; };
  const std::string labels = R"({model_name="m",engine="0")";
  EXPECT_TRUE(has("vllm:iteration_tokens_total_bucket" + labels + R"(,le="8"} 1)")) << text;
  EXPECT_TRUE(has("vllm:iteration_tokens_total_bucket" + labels + R"(,le="16"} 3)"));
  EXPECT_TRUE(has("vllm:iteration_tokens_total_bucket" + labels + R"(,le="+Inf"} 4)"));
  EXPECT_TRUE(has("vllm:iteration_tokens_total_sum" + labels + "} 20026"));
}

TEST(Metrics, ClassesOfTokenCountsEndWithTheModelsLength) {
  const EngineStats stats;
  const std::string text = Metrics().text(&stats, &kCard);
  EXPECT_NE(text.find(R"(request_prompt_tokens_bucket{model_name="m",engine="0",le="2000"})"),
            std::string::npos);
  EXPECT_EQ(text.find(R"(request_prompt_tokens_bucket{model_name="m",engine="0",le="5000"})"),
            std::string::npos);
}

TEST(Metrics, AnswersToOnePromptCountTogether) {
  Metrics metrics;
  metrics.count_prompt_finish(3, 40);
  metrics.count_intervals({0.25, 0.5});
  const EngineStats stats;
  const std::string text = metrics.text(&stats, &kCard);
  const auto has = [&](const std::string& line) { return text.find(line) != std::string::npos; };
  const std::string labels = R"({model_name="m",engine="0"})";
  EXPECT_TRUE(has("vllm:request_params_n_sum" + labels + " 3"));
  EXPECT_TRUE(has("vllm:request_max_num_generation_tokens_sum" + labels + " 40"));
  EXPECT_TRUE(has("vllm:inter_token_latency_seconds_sum" + labels + " 0.75"));
}

TEST(Metrics, TheCacheIsDescribedByLabels) {
  EngineStats stats;
  stats.block_tokens = 64;
  stats.blocks_total = 100;
  const std::string text = Metrics().text(&stats, &kCard);
  EXPECT_NE(text.find(R"(block_size="64",cache_dtype="bf16")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(num_gpu_blocks="100"} 1)"), std::string::npos);
}

// promtool's rules (model/textparse, promlint), but for vLLM's colons.
TEST(Metrics, OnlyCountersAreNamedLikeCountersAndAllHaveHelp) {
  Metrics metrics;
  metrics.count_request("/health", "GET", 200);
  const EngineStats stats;
  const std::string text = metrics.text(&stats, &kCard);
  for (const std::string& family : families_of(text)) {
    const std::string name = family.substr(0, family.find(' '));
    const bool counter = family.ends_with(" counter");
    EXPECT_EQ(name.ends_with("_total"), counter) << family;
    EXPECT_NE(text.find("# HELP " + name + " "), std::string::npos) << family;
    const bool histogram_part =
        name.ends_with("_bucket") || name.ends_with("_count") || name.ends_with("_sum");
    EXPECT_TRUE(!histogram_part || family.ends_with(" untyped")) << family;
  }
}

TEST(Metrics, WhileLoadingThereIsNothingOfTheEngine) {
  EXPECT_EQ(Metrics().text(nullptr, nullptr).find("vllm:"), std::string::npos);
}

}  // namespace
}  // namespace puna
