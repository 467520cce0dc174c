// Sequence: the token-level life of one request inside the engine.
#pragma once

#include <memory>
#include <vector>

#include "engine/engine.h"
#include "engine/sampler.h"

namespace puna {

struct Sequence {
  Sequence(EngineRequest request, const std::vector<TokenId>& end_tokens)
      : tokens(std::move(request.prompt)),
        prompt_count(static_cast<int>(tokens.size())),
        sampling(std::move(request.sampling)),
        listener(std::move(request.listener)),
        origin(std::move(request.origin)),
        sampler(sampling, tokens, end_tokens, std::move(request.constraint)) {}

  std::vector<TokenId> tokens;  // prompt, then answer
  const int prompt_count;
  const SamplingParams sampling;
  const std::shared_ptr<SequenceListener> listener;
  const RequestOrigin origin;
  Sampler sampler;
  // Of prompt tokens 1, 2, …; computing the prompt again after a preemption adds nothing.
  std::vector<TokenChoice> prompt_logprobs;
  int prompt_counted = 0;  // prompt tokens in the statistics
  bool started = false;
};

}  // namespace puna
