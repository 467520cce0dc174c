// prometheus-cpp keeps the histograms and writes the text; it is behind this file only.

#include "api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <vector>

namespace puna {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// vLLM's buckets, so that its dashboards read ours.
const Buckets kFirstTokenSeconds = {0.001, 0.005, 0.01, 0.02,  0.04,  0.06,  0.08, 0.1,
                                    0.25,  0.5,   0.75, 1.0,   2.5,   5.0,   7.5,  10.0,
                                    20.0,  40.0,  80.0, 160.0, 640.0, 2560.0};
const Buckets kPerTokenSeconds = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
                                  0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
const Buckets kRequestSeconds = {0.3,  0.5,   0.8,   1.0,   1.5,   2.0,    2.5,
                                 5.0,  10.0,  15.0,  20.0,  30.0,  40.0,   50.0,
                                 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};
const Buckets kTokens = {1,   2,    5,    10,   20,    50,    100,   200,
                         500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& successes = prometheus::BuildCounter()
                                                           .Name("vllm:request_success_total")
                                                           .Help("Requests that ended, by reason.")
                                                           .Register(registry);
  prometheus::Family<prometheus::Counter>& responses = prometheus::BuildCounter()
                                                           .Name("puna_http_responses_total")
                                                           .Help("HTTP responses, by status.")
                                                           .Register(registry);

  prometheus::Histogram& histogram(const char* name, const char* help, const Buckets& buckets) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, buckets);
  }
  prometheus::Histogram& first_token = histogram(
      "vllm:time_to_first_token_seconds", "From arrival to the first token.", kFirstTokenSeconds);
  prometheus::Histogram& per_token =
      histogram("vllm:time_per_output_token_seconds", "Mean time between the tokens of a request.",
                kPerTokenSeconds);
  prometheus::Histogram& request =
      histogram("vllm:e2e_request_latency_seconds", "From arrival to the end.", kRequestSeconds);
  prometheus::Histogram& queued = histogram("vllm:request_queue_time_seconds",
                                            "From arrival to the first step.", kRequestSeconds);
  prometheus::Histogram& prompt =
      histogram("vllm:request_prompt_tokens", "Tokens of the prompt.", kTokens);
  prometheus::Histogram& generation =
      histogram("vllm:request_generation_tokens", "Tokens of the answer.", kTokens);
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::add_generation(const GenerationUsage& usage, const GenerationTimings& timings,
                             FinishReason reason) {
  const char* word = reason == FinishReason::kCancelled ? "abort" : describe(reason);
  state_->successes.Add({{"finished_reason", word}}).Increment();
  state_->request.Observe(timings.total.count());
  state_->queued.Observe(timings.queued.count());
  state_->prompt.Observe(usage.prompt_tokens);
  state_->generation.Observe(usage.completion_tokens);
  if (usage.completion_tokens > 0) state_->first_token.Observe(timings.first_token.count());
  if (usage.completion_tokens > 1) {
    state_->per_token.Observe(timings.decode.count() / (usage.completion_tokens - 1));
  }
}

void Metrics::add_response(int status) {
  state_->responses.Add({{"status", std::to_string(status)}}).Increment();
}

namespace {

prometheus::MetricFamily family(const char* name, const char* help, prometheus::MetricType type,
                                double value) {
  prometheus::MetricFamily made{name, help, type, {}};
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Gauge) {
    metric.gauge.value = value;
  } else {
    metric.counter.value = value;
  }
  made.metric.push_back(metric);
  return made;
}

std::vector<prometheus::MetricFamily> engine_families(const EngineStats& stats) {
  constexpr auto kGauge = prometheus::MetricType::Gauge;
  constexpr auto kCounter = prometheus::MetricType::Counter;
  const double used =
      stats.blocks_total == 0 ? 0.0 : static_cast<double>(stats.blocks_used) / stats.blocks_total;
  const auto number = [](uint64_t count) { return static_cast<double>(count); };
  return {
      family("vllm:num_requests_running", "Requests in the running batch.", kGauge,
             stats.sequences_running),
      family("vllm:num_requests_waiting", "Requests that wait for a place in the batch.", kGauge,
             stats.sequences_waiting),
      family("vllm:kv_cache_usage_perc", "Share of the KV blocks in use, from 0 to 1.", kGauge,
             used),
      family("vllm:prompt_tokens_total", "Prompt tokens read.", kCounter,
             number(stats.prompt_tokens)),
      family("vllm:generation_tokens_total", "Tokens generated.", kCounter,
             number(stats.generation_tokens)),
      family("vllm:num_preemptions_total", "Times a request gave its blocks back.", kCounter,
             number(stats.preemptions)),
      family("puna_engine_steps_total", "Steps of the engine.", kCounter, number(stats.steps)),
      family("puna_engine_step_seconds_total", "Time spent in steps.", kCounter,
             stats.step_seconds),
      family("puna_requests_rejected_total", "Requests refused because the queue was full.",
             kCounter, number(stats.rejected_queue_full)),
  };
}

}  // namespace

std::string Metrics::text(const std::string& model_name, const EngineStats* stats) const {
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  if (stats != nullptr) {
    for (auto& one : engine_families(*stats)) families.push_back(std::move(one));
  }
  for (auto& one : families) {
    const bool is_vllm = one.name.rfind("vllm:", 0) == 0;
    for (auto& metric : one.metric) {
      if (is_vllm) metric.label.push_back({"model_name", model_name});
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace puna
