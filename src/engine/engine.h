// Engine: continuous batching. One thread owns sequences, KV blocks and the schedule; token ids
// only.
//
// submit() and cancel() may be called from any thread; a listener is called on the engine's thread
// and must not block. A failed request ends that sequence and never the loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "base/clock.h"
#include "base/request_origin.h"
#include "base/status.h"
#include "engine/engine_stats.h"
#include "engine/queue_places.h"
#include "engine/sampling_params.h"
#include "engine/speculation_options.h"
#include "engine/step_plan.h"
#include "engine/token_constraint.h"

namespace puna {

struct TokenChoice {
  TokenId token = 0;
  // Filled when logprobs were asked for: of the untempered model distribution.
  double logprob = 0;
  int rank = 0;  // 1: the likeliest
  std::vector<std::pair<TokenId, double>> top;
};

// kDeadline: the time that its origin gave has run out.
enum class EngineFinish { kStop, kLength, kDeadline, kCancelled, kError };

// How a sequence ended.
struct SequenceEnd {
  EngineFinish finish = EngineFinish::kStop;
  // The token that ended it: chosen and counted, no part of the answer. Only with kStop, and not
  // when finish() was called.
  std::optional<TokenId> end_token = std::nullopt;
  Status error = {};  // of kError
};

// Of a sequence that waits for its first step.
struct QueuePlace {
  int place = 1;    // 1: it is next
  int running = 0;  // sequences
};

class SequenceListener {
 public:
  virtual ~SequenceListener() = default;
  // It waits: told soon after it has come, then when the place is another, once a second at most.
  virtual void on_queued(const QueuePlace&) {}
  // Its first step begins; the first `cached_tokens` of its prompt are not computed again.
  virtual void on_scheduled(int cached_tokens) = 0;
  virtual void on_prompt_logprobs(std::vector<TokenChoice> choices) = 0;
  virtual void on_token(const TokenChoice& choice) = 0;
  virtual void on_finish(const SequenceEnd& end) = 0;  // the last call
};

struct EngineRequest {
  std::vector<TokenId> prompt;  // 1 .. max_model_len - 1
  SamplingParams sampling;
  std::shared_ptr<SequenceListener> listener;
  RequestOrigin origin;
  std::shared_ptr<TokenConstraint> constraint;  // null: every token may follow
  bool pins_prompt = false;  // what is computed of it stays for all, when it comes to its end
  int priority = 0;          // the smaller is served first; only with EngineOptions::has_priorities
  std::string cache_salt;    // only requests with an equal one share what was computed of a prompt
};

struct EngineOptions {
  int max_num_seqs = 64;               // running at once
  int waiting_max = 256;               // submit() beyond this is kResourceExhausted
  int step_tokens_max = 512;           // token budget of one step
  bool enable_prefix_caching = true;   // as far as the backend shares blocks
  bool has_priorities = false;         // requests may have one
  double step_seconds_max = 0;         // with prompts in it; 0: as StepPacer has it
  SpeculationOptions speculation;      // as far as the backend's rows are the same in any step
  std::vector<TokenId> eos_token_ids;  // those outside the vocabulary have no effect
};

class Engine {
 public:
  // The backend's limits bound the options.
  static Result<std::unique_ptr<Engine>> start(std::unique_ptr<Backend> backend,
                                               const EngineOptions& options, const Clock& clock);
  ~Engine();  // cancels everything and joins

  // Holds so many places more in `admission`, which the engine outlives, for requests whose prompts
  // are still to be made. kResourceExhausted: the queue is full. kUnavailable: draining, or the
  // backend is lost. kInvalidArgument: more than there are.
  Status admit(int places, Admission& admission);
  // Uses one place of `admission`, also while draining. kOutOfRange: the prompt is empty or too
  // long. kInvalidArgument: a token outside the vocabulary, or bad sampling.
  Result<SequenceId> submit(EngineRequest request, Admission& admission);
  Result<SequenceId> submit(EngineRequest request);  // admit() before
  // Ends a sequence within one step, and counts it as `reason`: kStop when its answer is complete
  // (a stop string matched), kCancelled when nobody waits for it any more; its place in the queue
  // is free at once. No effect on one that is gone already.
  void finish(SequenceId id, EngineFinish reason);
  void cancel(SequenceId id) { finish(id, EngineFinish::kCancelled); }

  // No new work; returns when all is finished, or after `limit` with the rest cancelled.
  void drain(std::chrono::nanoseconds limit);

  EngineStats stats() const;
  // kUnavailable with the reason when the backend will never compute again; nothing clears it.
  Status health() const;
  const BackendLimits& limits() const;

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace puna
