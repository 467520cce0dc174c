// TokenStream: the GenerationStream over an engine's sequence: token ids in, text out.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "generate/finish_counts.h"
#include "generate/generation_stream.h"
#include "generate/token_feed.h"
#include "tokenizer/detokenizer.h"
#include "tokenizer/stop_strings.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// What a stream needs to know about its request besides the tokens.
struct TokenStreamOptions {
  TokenizedPrompt prompt;
  bool skip_special_tokens = true;
  std::vector<std::string> stop;
  bool include_stop_in_output = false;
  int min_tokens = 0;  // stop strings are not looked for before
  bool logprobs = false;
};

class TokenStream final : public GenerationStream {
 public:
  // `tokenizer`, `engine` and `counts` outlive the stream.
  TokenStream(const Tokenizer& tokenizer, Engine& engine, FinishCounts& counts, SequenceId id,
              std::shared_ptr<TokenFeed> feed, TokenStreamOptions options);
  ~TokenStream() override;

  GenerationChunk poll() override;
  GenerationChunk wait(std::chrono::nanoseconds timeout) override;
  void on_ready(std::function<void()> wake) override;
  void cancel() override;
  const std::vector<TokenId>& prompt_tokens() const override { return *options_.prompt.tokens; }
  GenerationUsage usage() const override;
  GenerationTimings timings() const override { return feed_->timings(); }

 private:
  struct HeldToken {
    TokenChoice choice;
    size_t text_start;   // bytes of answer before it
    size_t text_offset;  // the same in characters
  };

  void refill(TokenFeed::Fed fed);
  GenerationChunk convert();
  void convert_prompt(size_t& budget, GenerationChunk& chunk);
  void append_token(const TokenChoice& choice, GenerationChunk& chunk);
  void show(const std::string& text, GenerationChunk& chunk);
  void release_token(GenerationChunk& chunk);
  void release_all_tokens(GenerationChunk& chunk);
  void end_at_stop_string(GenerationChunk& chunk);
  void end(const SequenceEnd& end, GenerationChunk& chunk);
  void finish(FinishReason reason, GenerationChunk& chunk);
  TokenLogprob logprob_of(const TokenChoice& choice) const;
  TokenLogprob prompt_logprob(size_t index) const;

  const Tokenizer& tokenizer_;
  Engine& engine_;
  FinishCounts& counts_;
  const SequenceId id_;
  const std::shared_ptr<TokenFeed> feed_;
  const TokenStreamOptions options_;
  Detokenizer detokenizer_;
  StopStrings stops_;
  TokenFeed::Fed fed_;  // what is being converted, and how far
  size_t prompt_converted_ = 0, tokens_converted_ = 0;
  std::optional<Detokenizer> prompt_text_;
  size_t prompt_characters_ = 0;
  // Tokens come out with the first byte of their text, so those of a stop string never do.
  std::deque<HeldToken> held_tokens_;
  size_t decoded_bytes_ = 0;  // of answer, shown or held back by stops_
  size_t decoded_characters_ = 0;
  size_t shown_bytes_ = 0;
  int completion_tokens_ = 0;
  bool finished_ = false;
};

}  // namespace puna
