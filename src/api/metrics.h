// Metrics: counters and histograms of requests, in Prometheus' text format, under vLLM's names.
//
// Numbers of the engine come from EngineStats when they are asked for. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "engine/engine_stats.h"
#include "generate/generation_request.h"

namespace puna {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // One generation has ended.
  void add_generation(const GenerationUsage& usage, const GenerationTimings& timings,
                      FinishReason reason);
  void add_response(int status);

  // `stats` is null while no model is loaded.
  std::string text(const std::string& model_name, const EngineStats* stats) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace puna
