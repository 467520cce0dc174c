// Runs on the reader's thread; only finish() reaches into the engine.

#include "generate/token_stream.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace puna {
namespace {

FinishReason finish_reason(EngineFinish finish) {
  switch (finish) {
    case EngineFinish::kStop:
      return FinishReason::kStop;
    case EngineFinish::kLength:
      return FinishReason::kLength;
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

GenerationChunk TokenStream::poll() { return convert(feed_->take()); }

GenerationChunk TokenStream::wait(std::chrono::nanoseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  GenerationChunk chunk;
  // Tokens may come that show nothing yet: a part of a character, or perhaps of a stop string.
  while (!finished_ && chunk.empty()) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left.count() <= 0) return poll();
    chunk = convert(feed_->wait(left));
  }
  return chunk;
}

void TokenStream::on_ready(std::function<void()> wake) { feed_->on_ready(std::move(wake)); }

void TokenStream::cancel() { engine_.cancel(id_); }

GenerationUsage TokenStream::usage() const {
  return {.prompt_tokens = static_cast<int>(prompt_tokens().size()),
          .completion_tokens = completion_tokens_};
}

GenerationChunk TokenStream::convert(const TokenFeed::Fed& fed) {
  GenerationChunk chunk;
  if (finished_) return chunk;  // what the engine made before it saw the stop
  chunk.token_intervals = fed.intervals;
  if (fed.prompt) chunk.prompt_logprobs = prompt_logprobs(*fed.prompt);
  for (const TokenChoice& choice : fed.tokens) {
    append_token(choice, chunk);
    if (stops_.matched()) {
      end_at_stop_string(chunk);
      return chunk;
    }
  }
  if (fed.end) end(*fed.end, chunk);
  return chunk;
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

// The engine reports the tokens that something predicts: all but the first.
std::vector<TokenLogprob> TokenStream::prompt_logprobs(
    const std::vector<TokenChoice>& choices) const {
  std::vector<TokenLogprob> logprobs;
  const size_t unpredicted = prompt_tokens().size() - choices.size();
  for (size_t i = 0; i < unpredicted; ++i) {
    TokenLogprob first;
    first.token = prompt_tokens()[i];
    first.piece = shown_piece(tokenizer_, first.token);
    first.exists = false;
    logprobs.push_back(std::move(first));
  }
  for (const TokenChoice& choice : choices) logprobs.push_back(logprob_of(choice));
  Detokenizer text(tokenizer_, /*at_text_start=*/true, special_text(options_.prompt.is_text));
  size_t characters = 0;
  for (TokenLogprob& one : logprobs) {
    one.text_offset = characters;
    characters += character_count(text.push(one.token));
  }
  return logprobs;
}

}  // namespace puna
