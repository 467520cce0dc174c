// Engine: continuous batching. One thread owns sequences, KV blocks and the schedule; token ids
// only.
//
// submit() and cancel() may be called from any thread; a listener is called on the engine's thread
// and must not block. A failed request ends that sequence and never the loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "base/clock.h"
#include "base/status.h"
#include "engine/engine_stats.h"
#include "engine/sampling_params.h"
#include "engine/step_plan.h"

namespace puna {

struct TokenChoice {
  TokenId token = 0;
  // Filled when logprobs were asked for: of the untempered model distribution.
  double logprob = 0;
  std::vector<std::pair<TokenId, double>> top;
};

enum class EngineFinish { kStop, kLength, kCancelled, kError };

class SequenceListener {
 public:
  virtual ~SequenceListener() = default;
  virtual void on_scheduled() = 0;  // its first step begins
  virtual void on_prompt_logprobs(std::vector<TokenChoice> choices) = 0;
  virtual void on_token(const TokenChoice& choice) = 0;
  // Last call. kStop: an end token (which is not reported by on_token). `error` is set for kError.
  virtual void on_finish(EngineFinish finish, const Status& error) = 0;
};

struct EngineRequest {
  std::vector<TokenId> prompt;  // 1 .. max_model_len - 1
  SamplingParams sampling;
  std::shared_ptr<SequenceListener> listener;
};

struct EngineOptions {
  int max_num_seqs = 64;               // running at once
  int waiting_max = 256;               // submit() beyond this is kResourceExhausted
  int step_tokens_max = 512;           // token budget of one step
  std::vector<TokenId> eos_token_ids;  // those outside the vocabulary have no effect
};

class Engine {
 public:
  // The backend's limits bound the options.
  static Result<std::unique_ptr<Engine>> start(std::unique_ptr<Backend> backend,
                                               EngineOptions options, const Clock& clock);
  ~Engine();  // cancels everything and joins

  // kOutOfRange: the prompt is empty or too long. kInvalidArgument: a token outside the vocabulary,
  // or bad sampling. kResourceExhausted: the queue is full. kUnavailable: draining.
  Result<SequenceId> submit(EngineRequest request);
  // No effect on a sequence that is gone already. Ends within one step.
  void cancel(SequenceId id);

  // No new work; returns when all is finished, or after `limit` with the rest cancelled.
  void drain(std::chrono::nanoseconds limit);

  EngineStats stats() const;
  const BackendLimits& limits() const;

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace puna
