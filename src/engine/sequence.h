// Sequence: the token-level life of one request inside the engine. Its tokens are the scheduler's.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/sampler.h"
#include "engine/speculation.h"

namespace puna {

struct Sequence {
  // Takes all of `request` but the prompt.
  Sequence(EngineRequest& request, const std::vector<TokenId>& end_tokens,
           const SpeculationOptions& speculation)
      : prompt_count(static_cast<int>(request.prompt.size())),
        sampling(std::move(request.sampling)),
        listener(std::move(request.listener)),
        origin(std::move(request.origin)),
        pins_prompt(request.pins_prompt),
        sampler(sampling, request.prompt, end_tokens, std::move(request.constraint)),
        drafts(speculation) {}

  const int prompt_count;
  const SamplingParams sampling;
  const std::shared_ptr<SequenceListener> listener;
  const RequestOrigin origin;
  const bool pins_prompt;
  Sampler sampler;
  SequenceDrafts drafts;
  std::vector<TokenChoice> prompt_logprobs;  // of prompt tokens 1, 2, … until they are handed out
  // Computing the prompt again after a preemption adds to neither.
  int scored_count = 0;    // prompt tokens that have had their logprob
  int prompt_counted = 0;  // prompt tokens in the statistics
  int told_place = 0;      // in the queue; 0: none yet
  bool started = false;
};

}  // namespace puna
