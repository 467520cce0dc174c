// Metrics: what /metrics says, in vLLM's names where they mean the same here. Thread-safe.
//
// Names are frozen by a test: dashboards and autoscalers read them. prometheus-cpp is behind the
// .cc file.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine_stats.h"
#include "generate/generator.h"

namespace puna {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  void count_request(std::string_view route, std::string_view method, int status);
  void count_client(std::string_view name, int status);
  void count_start(const GenerationRequest& request);
  // Seconds from a token to the next one of the same answer.
  void count_intervals(const std::vector<double>& seconds);
  void count_finish(const GenerationUsage& usage, const GenerationTimings& timings);
  // All answers to one prompt have ended: how many there are, and the tokens of the longest.
  void count_prompt_finish(int choice_count, int longest);

  // Prometheus' text format 0.0.4. Both are absent while loading.
  std::string text(const EngineStats* stats, const ModelCard* model) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace puna
