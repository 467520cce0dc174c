// The names that dashboards and autoscalers read: frozen.

#include "api/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace puna {
namespace {

using std::chrono::duration;

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
  EXPECT_EQ(families_of(metrics.text(&stats, "m")),
            (std::set<std::string>{
                "http_requests_total counter",
                "puna_engine_step_seconds_total counter",
                "puna_engine_steps_total counter",
                "puna_kv_blocks_total gauge",
                "puna_kv_blocks_used gauge",
                "vllm:admission_rejections_total counter",
                "vllm:e2e_request_latency_seconds histogram",
                "vllm:generation_tokens_total counter",
                "vllm:kv_cache_usage_perc gauge",
                "vllm:num_preemptions_total counter",
                "vllm:num_requests_running gauge",
                "vllm:num_requests_waiting gauge",
                "vllm:prompt_tokens_total counter",
                "vllm:request_decode_time_seconds histogram",
                "vllm:request_generation_tokens histogram",
                "vllm:request_params_max_tokens histogram",
                "vllm:request_prefill_time_seconds histogram",
                "vllm:request_prompt_tokens histogram",
                "vllm:request_queue_time_seconds histogram",
                "vllm:request_success_total counter",
                "vllm:request_time_per_output_token_seconds histogram",
                "vllm:time_to_first_token_seconds histogram",
            }));
}

TEST(Metrics, TheEnginesNumbersAreThere) {
  EngineStats stats;
  stats.sequences_running = 3;
  stats.blocks_total = 8;
  stats.blocks_used = 2;
  stats.finished_cancelled = 5;
  const std::string text = Metrics().text(&stats, "llama");
  const std::string labels = R"({model_name="llama",engine="0")";
  EXPECT_NE(text.find("vllm:num_requests_running" + labels + "} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("vllm:kv_cache_usage_perc" + labels + "} 0.25\n"), std::string::npos);
  EXPECT_NE(text.find("vllm:request_success_total" + labels + R"(,finished_reason="abort"} 5)"),
            std::string::npos);
}

TEST(Metrics, AFinishedRequestIsInTheHistograms) {
  Metrics metrics;
  const GenerationTimings timings{.queued = duration<double>(0.25),
                                  .first_token = duration<double>(0.75),
                                  .decode = duration<double>(2),
                                  .total = duration<double>(2.75)};
  metrics.count_finish({.prompt_tokens = 10, .completion_tokens = 5}, timings);
  const EngineStats stats;
  const std::string text = metrics.text(&stats, "m");
  const auto has_sum = [&](const std::string& name, const std::string& sum) {
    return text.find(name + R"(_sum{model_name="m",engine="0"} )" + sum + "\n") !=
           std::string::npos;
  };
  EXPECT_TRUE(has_sum("vllm:request_prefill_time_seconds", "0.5")) << text;
  EXPECT_TRUE(has_sum("vllm:request_time_per_output_token_seconds", "0.5"));
  EXPECT_TRUE(has_sum("vllm:e2e_request_latency_seconds", "2.75"));
}

TEST(Metrics, WhileLoadingThereIsNothingOfTheEngine) {
  EXPECT_EQ(Metrics().text(nullptr, "").find("vllm:"), std::string::npos);
}

}  // namespace
}  // namespace puna
