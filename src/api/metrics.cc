// Counters of the engine are read when asked for; histograms gather here.

#include "api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <cmath>
#include <span>
#include <vector>

namespace puna {
namespace {

using prometheus::Histogram;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Buckets = Histogram::BucketBoundaries;

// Buckets as vLLM has them (vllm/v1/metrics/loggers.py), so that its dashboards fit.
const Buckets kFirstTokenSeconds = {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                                    1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
const Buckets kTokenSeconds = {.01, .025, .05, .075, .1,  .15, .2, .3, .4, .5,
                               .75, 1,    2.5, 5,    7.5, 10,  20, 40, 80};
const Buckets kRequestSeconds = {.3, .5, .8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
const Buckets kChoiceCounts = {1, 2, 5, 10, 20};
// vLLM's end with the model's length; those beyond it are left out of the text.
const Buckets kTokenCounts = {1,      2,      5,    10,   20,    50,    100,   200,
                              500,    1000,   2000, 5000, 10000, 20000, 50000, 100000,
                              200000, 500000, 1e6,  2e6,  5e6,   1e7};

struct NamedHistogram {
  NamedHistogram(std::string metric, std::string meaning, const Buckets& buckets)
      : name(std::move(metric)),
        help(std::move(meaning)),
        counts_tokens(&buckets == &kTokenCounts),
        histogram(buckets) {}
  std::string name, help;
  bool counts_tokens;
  Histogram histogram;
};

class Snapshot {
 public:
  explicit Snapshot(const ModelCard* model) {
    if (model == nullptr) return;
    labels_ = {{"model_name", model->name}, {"engine", "0"}};
    tokens_max_ = model->max_model_len;
  }

  void gauge(const std::string& name, const std::string& help, double value) {
    prometheus::ClientMetric metric = labelled();
    metric.gauge.value = value;
    add(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
  }
  void counter(const std::string& name, const std::string& help, double value) {
    add_counter(add(name, help, MetricType::Counter), value);
  }
  void finished(const EngineStats& stats) {
    MetricFamily& family =
        add("vllm:request_success_total", "Requests ended, by how they ended", MetricType::Counter);
    const std::pair<const char*, uint64_t> counts[] = {{"stop", stats.finished_stop},
                                                       {"length", stats.finished_length},
                                                       {"abort", stats.finished_cancelled},
                                                       {"error", stats.finished_error}};
    for (const auto& [reason, count] : counts) {
      add_counter(family, static_cast<double>(count));
      family.metric.back().label.push_back({"finished_reason", reason});
    }
  }
  void accepted_by_place(const EngineStats& stats) {
    MetricFamily& family = add("vllm:spec_decode_num_accepted_tokens_per_pos_total",
                               "Accepted tokens, by their place in the draft", MetricType::Counter);
    for (size_t i = 0; i < static_cast<size_t>(stats.draft_tokens_max); ++i) {
      add_counter(family, static_cast<double>(stats.accepted_by_place[i]));
      family.metric.back().label.push_back({"position", std::to_string(i)});
    }
  }
  void histogram(const NamedHistogram& source) {
    prometheus::ClientMetric metric = source.histogram.Collect();
    metric.label = labelled().label;
    if (source.counts_tokens) {
      std::erase_if(metric.histogram.bucket, [&](const auto& bucket) {
        return bucket.upper_bound > tokens_max_ && std::isfinite(bucket.upper_bound);
      });
    }
    add(source.name, source.help, MetricType::Histogram).metric.push_back(std::move(metric));
  }
  // A histogram under a name that Prometheus keeps for counters: as three families without a type,
  // which its linter accepts and its queries read alike.
  void untyped_histogram(const std::string& name, const std::string& help,
                         std::span<const int> bounds, std::span<const uint64_t> counts,
                         double sum) {
    uint64_t total = 0;
    MetricFamily& buckets = add(name + "_bucket", help, MetricType::Untyped);
    for (size_t i = 0; i < counts.size(); ++i) {
      total += counts[i];
      add_untyped(buckets, static_cast<double>(total));
      buckets.metric.back().label.push_back(
          {"le", i < bounds.size() ? std::to_string(bounds[i]) : "+Inf"});
    }
    add_untyped(add(name + "_sum", help, MetricType::Untyped), sum);
    add_untyped(add(name + "_count", help, MetricType::Untyped), static_cast<double>(total));
  }
  void cache_config(const EngineStats& stats, const ModelCard& model) {
    gauge("vllm:cache_config_info", "How keys and values are held: 1, with labels", 1);
    for (auto& [name, value] : std::vector<std::pair<const char*, std::string>>{
             {"block_size", std::to_string(stats.block_tokens)},
             {"cache_dtype", model.kv_cache_dtype},
             {"enable_prefix_caching", stats.has_prefix_cache ? "True" : "False"},
             {"num_cpu_blocks", "0"},
             {"num_gpu_blocks", std::to_string(stats.blocks_total)}}) {
      families_.back().metric.back().label.push_back({name, value});
    }
  }
  void append(std::vector<MetricFamily> more) {
    families_.insert(families_.end(), std::make_move_iterator(more.begin()),
                     std::make_move_iterator(more.end()));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  prometheus::ClientMetric labelled() const {
    prometheus::ClientMetric metric;
    metric.label = labels_;
    return metric;
  }
  void add_counter(MetricFamily& family, double value) {
    family.metric.push_back(labelled());
    family.metric.back().counter.value = value;
  }
  void add_untyped(MetricFamily& family, double value) {
    family.metric.push_back(labelled());
    family.metric.back().untyped.value = value;
  }
  MetricFamily& add(const std::string& name, const std::string& help, MetricType type) {
    families_.push_back({name, help, type, {}});
    return families_.back();
  }

  std::vector<prometheus::ClientMetric::Label> labels_;
  double tokens_max_ = 0;
  std::vector<MetricFamily> families_;
};

void add_engine(const EngineStats& stats, Snapshot& snapshot) {
  const double usage = stats.blocks_total == 0 ? 0.0
                                               : static_cast<double>(stats.blocks_used) /
                                                     static_cast<double>(stats.blocks_total);
  snapshot.gauge("vllm:num_requests_running", "Sequences in the running batch",
                 stats.sequences_running);
  snapshot.gauge("vllm:num_requests_waiting", "Sequences that wait", stats.sequences_waiting);
  snapshot.gauge("vllm:kv_cache_usage_perc", "Used part of the KV blocks, 0 to 1", usage);
  snapshot.gauge("puna_kv_blocks_used", "KV blocks in use", stats.blocks_used);
  snapshot.gauge("puna_kv_blocks_cached", "KV blocks kept for later, which make room when needed",
                 stats.blocks_cached);
  snapshot.gauge("puna_kv_blocks", "KV blocks there are", stats.blocks_total);
  const auto count = [&](const char* name, const char* help, uint64_t value) {
    snapshot.counter(name, help, static_cast<double>(value));
  };
  count("vllm:prompt_tokens_total", "Prompt tokens computed or cached", stats.prompt_tokens);
  count("vllm:prompt_tokens_cached_total", "Prompt tokens that were cached",
        stats.prefix_cache_hits);
  count("vllm:prefix_cache_queries_total", "Prompt tokens looked for in the prefix cache",
        stats.prefix_cache_queries);
  count("vllm:prefix_cache_hits_total", "Prompt tokens found in the prefix cache",
        stats.prefix_cache_hits);
  count("vllm:generation_tokens_total", "Tokens generated", stats.generation_tokens);
  count("vllm:num_preemptions_total", "Sequences that gave their blocks back", stats.preemptions);
  if (stats.draft_tokens_max > 0) {
    count("vllm:spec_decode_num_drafts_total", "Drafts that were verified", stats.drafts);
    count("vllm:spec_decode_num_draft_tokens_total", "Their tokens", stats.draft_tokens);
    count("vllm:spec_decode_num_accepted_tokens_total", "Those that were chosen",
          stats.accepted_tokens);
    snapshot.accepted_by_place(stats);
  }
  count("vllm:admission_rejections_total", "Requests refused by a full queue",
        stats.rejected_queue_full);
  snapshot.finished(stats);
  count("puna_engine_steps_total", "Steps of the engine", stats.steps);
  snapshot.counter("puna_engine_step_seconds_total", "Time inside steps", stats.step_seconds);
  snapshot.untyped_histogram("vllm:iteration_tokens_total", "Tokens of a step", kStepTokenBounds,
                             stats.step_token_counts, static_cast<double>(stats.step_tokens));
}

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                          .Name("http_requests_total")
                                                          .Help("HTTP requests answered")
                                                          .Register(registry);
  prometheus::Family<prometheus::Counter>& clients = prometheus::BuildCounter()
                                                         .Name("puna_key_requests_total")
                                                         .Help("Requests answered, by key")
                                                         .Register(registry);
  NamedHistogram first_token{"vllm:time_to_first_token_seconds", "Arrival to first token",
                             kFirstTokenSeconds};
  NamedHistogram interval{"vllm:inter_token_latency_seconds",
                          "From a token to the next of the same answer", kTokenSeconds};
  NamedHistogram token{"vllm:request_time_per_output_token_seconds",
                       "Mean time between tokens of a request", kTokenSeconds};
  NamedHistogram total{"vllm:e2e_request_latency_seconds", "Arrival to last token",
                       kRequestSeconds};
  NamedHistogram queued{"vllm:request_queue_time_seconds", "Arrival to first step",
                        kRequestSeconds};
  NamedHistogram inference{"vllm:request_inference_time_seconds", "First step to last token",
                           kRequestSeconds};
  NamedHistogram prefill{"vllm:request_prefill_time_seconds", "First step to first token",
                         kRequestSeconds};
  NamedHistogram decode{"vllm:request_decode_time_seconds", "First token to last", kRequestSeconds};
  NamedHistogram prompt_tokens{"vllm:request_prompt_tokens", "Prompt tokens of a request",
                               kTokenCounts};
  NamedHistogram computed_tokens{"vllm:request_prefill_kv_computed_tokens",
                                 "Prompt tokens of a request that were not cached", kTokenCounts};
  NamedHistogram generation_tokens{"vllm:request_generation_tokens",
                                   "Generated tokens of a request", kTokenCounts};
  NamedHistogram longest{"vllm:request_max_num_generation_tokens",
                         "Generated tokens of a prompt's longest answer", kTokenCounts};
  NamedHistogram choices{"vllm:request_params_n", "n: answers to a prompt", kChoiceCounts};
  NamedHistogram max_tokens{"vllm:request_params_max_tokens", "max_tokens of requests that set it",
                            kTokenCounts};

  std::vector<const NamedHistogram*> histograms() const {
    return {&first_token,       &interval, &token,   &total,         &queued,
            &inference,         &prefill,  &decode,  &prompt_tokens, &computed_tokens,
            &generation_tokens, &longest,  &choices, &max_tokens};
  }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::count_request(std::string_view route, std::string_view method, int status) {
  state_->requests
      .Add({{"handler", std::string(route)},
            {"method", std::string(method)},
            {"status", std::to_string(status)}})
      .Increment();
}

void Metrics::count_client(std::string_view name, int status) {
  state_->clients.Add({{"key", std::string(name)}, {"status", std::to_string(status)}}).Increment();
}

void Metrics::count_start(const GenerationRequest& request) {
  if (request.max_tokens_given) state_->max_tokens.histogram.Observe(request.sampling.max_tokens);
}

void Metrics::count_intervals(const std::vector<double>& seconds) {
  for (const double one : seconds) state_->interval.histogram.Observe(one);
}

void Metrics::count_prompt_finish(int choice_count, int longest) {
  state_->choices.histogram.Observe(choice_count);
  state_->longest.histogram.Observe(longest);
}

void Metrics::count_finish(const GenerationUsage& usage, const GenerationTimings& timings) {
  state_->total.histogram.Observe(timings.total.count());
  state_->queued.histogram.Observe(timings.queued.count());
  state_->inference.histogram.Observe((timings.total - timings.queued).count());
  state_->prompt_tokens.histogram.Observe(usage.prompt_tokens);
  state_->computed_tokens.histogram.Observe(usage.prompt_tokens - usage.cached_tokens);
  state_->generation_tokens.histogram.Observe(usage.completion_tokens);
  if (usage.completion_tokens == 0) return;
  state_->first_token.histogram.Observe(timings.first_token.count());
  state_->prefill.histogram.Observe((timings.first_token - timings.queued).count());
  state_->decode.histogram.Observe(timings.decode.count());
  if (usage.completion_tokens > 1) {
    state_->token.histogram.Observe(timings.decode.count() / (usage.completion_tokens - 1));
  }
}

std::string Metrics::text(const EngineStats* stats, const ModelCard* model) const {
  Snapshot snapshot(model);
  if (stats != nullptr && model != nullptr) {
    add_engine(*stats, snapshot);
    snapshot.cache_config(*stats, *model);
    for (const NamedHistogram* histogram : state_->histograms()) snapshot.histogram(*histogram);
  }
  snapshot.append(state_->registry.Collect());
  return snapshot.text();
}

}  // namespace puna
