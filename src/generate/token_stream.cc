// Runs on the reader's thread; only finish() reaches into the engine.

#include "generate/token_stream.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace puna {
namespace {

// A turn of a thread that others wait for: a millisecond or two.
constexpr size_t kTokensAtOnce = 1024;
constexpr size_t kScoredTokensAtOnce = 64;  // with up to kTopLogprobsMax alternatives each

FinishReason finish_reason(EngineFinish finish) {
  switch (finish) {
    case EngineFinish::kStop:
      return FinishReason::kStop;
    case EngineFinish::kLength:
      return FinishReason::kLength;
    case EngineFinish::kDeadline:
      return FinishReason::kDeadline;
    case EngineFinish::kCancelled:
      return FinishReason::kCancelled;
    case EngineFinish::kError:
      return FinishReason::kError;
  }
  return FinishReason::kError;
}

SpecialText special_text(bool skip) { return skip ? SpecialText::kLeftOut : SpecialText::kShown; }

// Control tokens stand for no bytes; their names are shown instead.
std::string shown_piece(const Tokenizer& tokenizer, TokenId id) {
  return std::string(tokenizer.is_special(id) ? tokenizer.token_piece(id)
                                              : tokenizer.token_bytes(id));
}

}  // namespace

TokenStream::TokenStream(const Tokenizer& tokenizer, Engine& engine, FinishCounts& counts,
                         SequenceId id, std::shared_ptr<TokenFeed> feed, TokenStreamOptions options)
    : tokenizer_(tokenizer),
      engine_(engine),
      counts_(counts),
      id_(id),
      feed_(std::move(feed)),
      options_(std::move(options)),
      detokenizer_(tokenizer, options_.prompt.answer_begins_text,
                   special_text(options_.skip_special_tokens)),
      stops_(options_.stop) {}

TokenStream::~TokenStream() {
  feed_->on_ready(nullptr);
  if (finished_) return;
  engine_.cancel(id_);
  counts_.add(FinishReason::kCancelled);
}

GenerationChunk TokenStream::poll() {
  const bool is_rest = !fed_.empty();
  if (!is_rest) refill(feed_->take());
  GenerationChunk chunk = convert();
  // The wake of what came meanwhile may have been one with the rest's, and is used up.
  if (is_rest && fed_.empty()) feed_->wake_if_fed();
  return chunk;
}

GenerationChunk TokenStream::wait(std::chrono::nanoseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  GenerationChunk chunk;
  // Tokens may come that show nothing yet: a part of a character, or perhaps of a stop string.
  while (!finished_ && chunk.empty()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left.count() <= 0) return poll();
    if (fed_.empty()) refill(feed_->wait(left));
    chunk = convert();
  }
  return chunk;
}

void TokenStream::on_ready(std::function<void()> wake) { feed_->on_ready(std::move(wake)); }

void TokenStream::cancel() { engine_.cancel(id_); }

GenerationUsage TokenStream::usage() const {
  return {.prompt_tokens = static_cast<int>(prompt_tokens().size()),
          .cached_tokens = feed_->cached_tokens(),
          .completion_tokens = completion_tokens_};
}

void TokenStream::refill(TokenFeed::Fed fed) {
  fed_ = std::move(fed);
  prompt_converted_ = 0;
  tokens_converted_ = 0;
}

GenerationChunk TokenStream::convert() {
  GenerationChunk chunk;
  if (finished_) {  // what the engine made before it saw the stop
    fed_ = TokenFeed::Fed();
    return chunk;
  }
  chunk.token_intervals = std::exchange(fed_.intervals, {});
  chunk.wait = std::exchange(fed_.wait, std::nullopt);
  size_t budget = options_.logprobs || fed_.prompt ? kScoredTokensAtOnce : kTokensAtOnce;
  if (fed_.prompt) convert_prompt(budget, chunk);
  while (budget > 0 && tokens_converted_ < fed_.tokens.size()) {
    --budget;
    append_token(fed_.tokens[tokens_converted_++], chunk);
    if (!stops_.matched()) continue;
    end_at_stop_string(chunk);
    return chunk;
  }
  if (fed_.prompt || tokens_converted_ < fed_.tokens.size()) {
    feed_->wake_again();
    return chunk;
  }
  if (fed_.end) end(*fed_.end, chunk);
  fed_ = TokenFeed::Fed();
  return chunk;
}

// The engine reports the tokens that something predicts: all but the first.
void TokenStream::convert_prompt(size_t& budget, GenerationChunk& chunk) {
  if (!prompt_text_) {
    prompt_text_.emplace(tokenizer_, /*at_text_start=*/true, special_text(options_.prompt.is_text));
  }
  for (; budget > 0 && prompt_converted_ < prompt_tokens().size(); ++prompt_converted_, --budget) {
    TokenLogprob one = prompt_logprob(prompt_converted_);
    one.text_offset = prompt_characters_;
    prompt_characters_ += character_count(prompt_text_->push(one.token));
    chunk.prompt_logprobs.push_back(std::move(one));
  }
  if (prompt_converted_ == prompt_tokens().size()) fed_.prompt.reset();
}

TokenLogprob TokenStream::prompt_logprob(size_t index) const {
  const size_t unpredicted = prompt_tokens().size() - fed_.prompt->size();
  if (index >= unpredicted) return logprob_of((*fed_.prompt)[index - unpredicted]);
  TokenLogprob first;
  first.token = prompt_tokens()[index];
  first.piece = shown_piece(tokenizer_, first.token);
  first.exists = false;
  return first;
}

void TokenStream::append_token(const TokenChoice& choice, GenerationChunk& chunk) {
  ++completion_tokens_;
  held_tokens_.push_back({choice, decoded_bytes_, decoded_characters_});
  if (options_.stop.empty()) release_all_tokens(chunk);
  const std::string text = detokenizer_.push(choice.token);
  decoded_bytes_ += text.size();
  decoded_characters_ += character_count(text);
  show(completion_tokens_ < options_.min_tokens ? text : stops_.push(text), chunk);
}

void TokenStream::show(const std::string& text, GenerationChunk& chunk) {
  chunk.text += text;
  shown_bytes_ += text.size();
  while (!held_tokens_.empty() && held_tokens_.front().text_start < shown_bytes_) {
    release_token(chunk);
  }
}

void TokenStream::release_token(GenerationChunk& chunk) {
  const HeldToken held = std::move(held_tokens_.front());
  held_tokens_.pop_front();
  chunk.tokens.push_back(held.choice.token);
  if (!options_.logprobs) return;
  chunk.logprobs.push_back(logprob_of(held.choice));
  chunk.logprobs.back().text_offset = held.text_offset;
}

void TokenStream::release_all_tokens(GenerationChunk& chunk) {
  while (!held_tokens_.empty()) release_token(chunk);
}

void TokenStream::end_at_stop_string(GenerationChunk& chunk) {
  engine_.finish(id_, EngineFinish::kStop);
  chunk.stop_reason = stops_.matched();
  if (options_.include_stop_in_output) {
    chunk.text += *stops_.matched();
    release_all_tokens(chunk);
  }
  finish(FinishReason::kStop, chunk);
}

void TokenStream::end(const SequenceEnd& end, GenerationChunk& chunk) {
  if (end.end_token) ++completion_tokens_;  // chosen, though not shown; vLLM counts it too
  show(stops_.push(detokenizer_.finish()), chunk);
  if (stops_.matched()) return end_at_stop_string(chunk);
  show(stops_.finish(), chunk);
  release_all_tokens(chunk);
  chunk.error = end.error;
  finish(finish_reason(end.finish), chunk);
}

void TokenStream::finish(FinishReason reason, GenerationChunk& chunk) {
  chunk.finish = reason;
  finished_ = true;
  counts_.add(reason);
}

TokenLogprob TokenStream::logprob_of(const TokenChoice& choice) const {
  TokenLogprob logprob;
  logprob.token = choice.token;
  logprob.piece = shown_piece(tokenizer_, choice.token);
  logprob.logprob = choice.logprob;
  logprob.rank = choice.rank;
  logprob.top = choice.top;
  for (const auto& [token, unused] : choice.top) {
    logprob.top_pieces.push_back(shown_piece(tokenizer_, token));
  }
  return logprob;
}

}  // namespace puna
