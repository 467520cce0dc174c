// GenerationStream: one running generation, seen by its reader: text as it comes, then how it
// ended.
//
// One reader, any thread. poll() never blocks; on_ready() tells an event loop when to poll; wait()
// is for terminals. Destroying the stream cancels the generation: its blocks are free within one
// step.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "generate/generation_request.h"

namespace puna {

// Of a generation that waits for the model.
struct QueueWait {
  int place = 1;       // 1: it is next
  double seconds = 0;  // until it begins; 0: not known
};

struct GenerationChunk {
  std::string text;                           // whole characters, no part of a stop string
  std::vector<TokenId> tokens;                // ids behind the text so far (may lead it)
  std::vector<TokenLogprob> logprobs;         // one per id in `tokens` when asked for
  std::vector<TokenLogprob> prompt_logprobs;  // in the first chunks, when asked for
  std::vector<double> token_intervals;  // seconds from a token to the next, each but the first
  FinishReason finish = FinishReason::kNone;  // not kNone: this is the last chunk
  std::optional<std::string> stop_reason;     // the stop string that matched
  std::optional<QueueWait> wait;              // nothing of an answer: may come in empty chunks
  Status error;                               // when finish is kError

  bool empty() const {
    return text.empty() && tokens.empty() && prompt_logprobs.empty() &&
           finish == FinishReason::kNone;
  }
};

class GenerationStream {
 public:
  virtual ~GenerationStream() = default;

  // What has come since the last call; empty() when nothing is there yet or after the last chunk.
  // Much is given in pieces, so that no thread is held long: `wake` is called again for the rest.
  virtual GenerationChunk poll() = 0;
  // Waits for the next chunk, at most `timeout`.
  virtual GenerationChunk wait(std::chrono::nanoseconds timeout) = 0;
  // `wake` is called (on the engine's thread, must not block) when poll() has something after
  // having been empty; at once if it already has. Set once; cleared by nullptr.
  virtual void on_ready(std::function<void()> wake) = 0;
  virtual void cancel() = 0;

  virtual const std::vector<TokenId>& prompt_tokens() const = 0;
  virtual GenerationUsage usage() const = 0;
  virtual GenerationTimings timings() const = 0;
};

}  // namespace puna
