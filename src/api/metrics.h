// Metrics: what /metrics says, in vLLM's names where they mean the same here. Thread-safe.
//
// Names are frozen by a test: dashboards and autoscalers read them. prometheus-cpp is behind the
// .cc file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/engine_stats.h"
#include "generate/generation_request.h"

namespace puna {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  void count_request(std::string_view route, std::string_view method, int status);
  void count_start(const GenerationRequest& request);
  void count_finish(const GenerationUsage& usage, const GenerationTimings& timings);

  // Prometheus' text format 0.0.4. `stats` and `model` are absent (nullptr, "") while loading.
  std::string text(const EngineStats* stats, const std::string& model) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace puna
