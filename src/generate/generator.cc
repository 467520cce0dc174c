// Text above, tokens below: this file is the border.

#include "generate/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "generate/queue_tokens.h"
#include "generate/service_rate.h"
#include "generate/token_feed.h"
#include "generate/token_stream.h"
#include "generate/turns.h"

namespace puna {
namespace {

Result<FittedPrompt> as_fitted(Result<TokenIds> prompt) {
  if (!prompt.ok()) return prompt.status();
  return FittedPrompt{.tokens = *std::move(prompt)};
}

}  // namespace

struct Generator::State {
  State(const Clock& given, int64_t queued_tokens_max)
      : clock(given), queue_tokens(queued_tokens_max) {}

  const Clock& clock;
  std::unique_ptr<Tokenizer> tokenizer;
  std::optional<ChatTemplate> chat_template;
  GeneratorOptions options;
  ModelCard card;
  size_t longest_token_bytes = 1;
  ServiceRate rate;
  QueueTokens queue_tokens;
  FinishCounts finish_counts;
  std::unique_ptr<Engine> engine;  // last: ends before what its listeners use

  Result<std::vector<TokenId>> encode(std::string_view text, bool add_special_tokens = true) const;
  Result<PromptText> fill_template(const ChatMessages& messages, const ChatRendering& chat) const;
  Status check_ids(std::span<const TokenId> ids) const;
  Status check_bytes(size_t bytes) const;
  Result<std::vector<TokenId>> whole_prompt(const GenerationRequest& request) const;
  Result<std::vector<TokenId>> make_prompt(const GenerationRequest& request) const;
  Result<FittedPrompt> make_fitting_prompt(GenerationRequest request) const;
  bool has_room(const GenerationRequest& request, size_t prompt_size) const;
  Result<std::vector<std::vector<TokenId>>> ban(const std::vector<std::string>& words) const;
  Result<int> max_tokens(const GenerationRequest& request, size_t prompt_size) const;
  std::string cache_salt(const GenerationRequest& request) const;
};

Result<PromptText> Generator::State::fill_template(const ChatMessages& messages,
                                                   const ChatRendering& chat) const {
  if (!chat_template) {
    return invalid_argument(
        "messages: the model {} has no chat template; restart with --chat-template llama-2, "
        "chatml, llama-3 or a file, or use /v1/completions",
        options.model_name);
  }
  ChatTemplateOptions rendering;
  rendering.add_generation_prompt = chat.add_generation_prompt;
  rendering.continue_final_message = chat.continue_final_message;
  rendering.variables = chat.variables;
  rendering.bos_token = options.bos_token;
  rendering.eos_token = options.eos_token;
  return chat_template->render(messages, rendering);
}

Result<std::vector<TokenId>> Generator::State::encode(std::string_view text,
                                                      bool add_special_tokens) const {
  return add_special_tokens ? tokenizer->encode_plain(text)
                            : tokenizer->encode(text, SpecialTokens::kRecognise);
}

Status Generator::State::check_ids(std::span<const TokenId> ids) const {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= card.vocab_size) {
      return invalid_argument("token id {} at index {} is not in the vocabulary of {} tokens",
                              ids[i], i, card.vocab_size);
    }
  }
  return {};
}

// Tokenizing takes a time that grows with the text, so what cannot fit is refused before.
Status Generator::State::check_bytes(size_t bytes) const {
  const auto length = static_cast<size_t>(card.max_model_len);
  if (bytes / longest_token_bytes <= length) return {};
  return error(
      StatusCode::kOutOfRange,
      "the prompt has {} bytes, and this model's maximum length is {} tokens of at most {} "
      "bytes with the answer; shorten the prompt",
      bytes, length, longest_token_bytes);
}

Result<std::vector<TokenId>> Generator::State::whole_prompt(
    const GenerationRequest& request) const {
  if (const auto* messages = std::get_if<ChatMessages>(&request.prompt)) {
    ASSIGN_OR_RETURN(const PromptText text, fill_template(*messages, request.chat));
    if (!request.truncate_prompt_tokens) RETURN_IF_ERROR(check_bytes(text.text.size()));
    return tokenizer->encode_prompt(text);
  }
  if (const auto* text = std::get_if<std::string>(&request.prompt)) {
    if (!request.truncate_prompt_tokens) RETURN_IF_ERROR(check_bytes(text->size()));
    return encode(*text, request.add_special_tokens);
  }
  const auto& ids = std::get<TokenIds>(request.prompt);
  RETURN_IF_ERROR(check_ids(ids));
  return ids;
}

Result<std::vector<TokenId>> Generator::State::make_prompt(const GenerationRequest& request) const {
  ASSIGN_OR_RETURN(std::vector<TokenId> prompt, whole_prompt(request));
  if (!request.truncate_prompt_tokens) return prompt;
  const int answer = request.max_tokens_given ? std::max(request.sampling.max_tokens, 1) : 1;
  const int kept = *request.truncate_prompt_tokens < 0 ? std::max(card.max_model_len - answer, 1)
                                                       : *request.truncate_prompt_tokens;
  if (prompt.size() > static_cast<size_t>(kept)) prompt.erase(prompt.begin(), prompt.end() - kept);
  return prompt;
}

// For the answer too: a quarter of the model's length where no max_tokens says how long it may be.
bool Generator::State::has_room(const GenerationRequest& request, size_t prompt_size) const {
  const int answer =
      request.max_tokens_given ? request.sampling.max_tokens : card.max_model_len / 4;
  return static_cast<int64_t>(prompt_size) + answer <= card.max_model_len;
}

Result<FittedPrompt> Generator::State::make_fitting_prompt(GenerationRequest request) const {
  const ChatMessages messages = std::get<ChatMessages>(request.prompt);
  return fit_turns(messages, [&](ChatMessages left, bool is_last_try) -> Result<TokenIds> {
    request.prompt = std::move(left);
    ASSIGN_OR_RETURN(TokenIds prompt, make_prompt(request));
    if (is_last_try || has_room(request, prompt.size())) return prompt;
    return error(StatusCode::kOutOfRange, "there is no room for the answer");
  });
}

std::string Generator::State::cache_salt(const GenerationRequest& request) const {
  if (!options.prefix_cache_per_key) return request.cache_salt;
  return fmt::format("{}:{}", request.origin.client, request.cache_salt);
}

// A word may begin an answer or follow a space: both spellings, as vLLM has it; the second only
// where the space is part of its first token.
Result<std::vector<std::vector<TokenId>>> Generator::State::ban(
    const std::vector<std::string>& words) const {
  if (words.size() > kBadWordsMax / 2) {
    return invalid_field("bad_words", "has {} words, at most {}", words.size(), kBadWordsMax / 2);
  }
  std::vector<std::vector<TokenId>> banned;
  for (const std::string& word : words) {
    if (word.size() > kBadWordBytesMax) {
      return invalid_field("bad_words", "has a word of {} bytes, at most {}", word.size(),
                           kBadWordBytesMax);
    }
    const size_t start = word.find_first_not_of(' ');
    if (start == std::string::npos) return invalid_field("bad_words", "has an empty word");
    const std::string bare = word.substr(start);
    ASSIGN_OR_RETURN(const auto plain, tokenizer->encode(bare, SpecialTokens::kAsText));
    ASSIGN_OR_RETURN(const auto spaced, tokenizer->encode(" " + bare, SpecialTokens::kAsText));
    if (plain.empty()) continue;  // of nothing that the model can write
    const bool is_other = spaced.size() == plain.size() && spaced.front() != plain.front();
    banned.push_back(plain);
    if (is_other) banned.push_back(spaced);
  }
  return banned;
}

// How many tokens the answer may have, or why prompt and answer do not fit.
Result<int> Generator::State::max_tokens(const GenerationRequest& request,
                                         size_t prompt_size) const {
  if (prompt_size == 0) return invalid_argument("the prompt is empty; send at least one token");
  const auto room = static_cast<int64_t>(card.max_model_len) - static_cast<int64_t>(prompt_size);
  if (room < 1) {
    return error(StatusCode::kOutOfRange,
                 "the prompt has {} tokens, and this model's maximum length is {} tokens with the "
                 "answer; shorten the prompt",
                 prompt_size, card.max_model_len);
  }
  if (!request.max_tokens_given) {
    const int wanted = options.default_max_tokens;
    return static_cast<int>(wanted > 0 ? std::min<int64_t>(wanted, room) : room);
  }
  if (request.sampling.max_tokens > room) {
    return error(
        StatusCode::kOutOfRange,
        "the prompt has {} tokens and max_tokens is {}, and this model's maximum length is "
        "{} tokens; shorten the prompt or ask for at most {} tokens",
        prompt_size, request.sampling.max_tokens, card.max_model_len, room);
  }
  return request.sampling.max_tokens;
}

Generator::Generator(std::unique_ptr<Tokenizer> tokenizer,
                     std::optional<ChatTemplate> chat_template, std::unique_ptr<Engine> engine,
                     GeneratorOptions options, const Clock& clock)
    : state_(std::make_unique<State>(clock, options.queued_tokens_max)) {
  state_->tokenizer = std::move(tokenizer);
  state_->chat_template = std::move(chat_template);
  if (state_->chat_template) state_->tokenizer->guard_marks(*state_->chat_template);
  state_->engine = std::move(engine);
  state_->options = std::move(options);
  std::vector<std::string> names = state_->options.model_aliases;
  names.insert(names.begin(), state_->options.model_name);
  state_->card = {.name = state_->options.model_name,
                  .names = std::move(names),
                  .max_model_len = state_->engine->limits().max_model_len,
                  .vocab_size = state_->engine->limits().vocab_size,
                  .adapters = state_->options.adapters,
                  .has_chat_template = state_->chat_template.has_value(),
                  .max_num_seqs = state_->options.max_num_seqs,
                  .kv_cache_dtype = state_->options.kv_cache_dtype};
  for (TokenId id = 0; id < state_->tokenizer->vocabulary_size(); ++id) {
    state_->longest_token_bytes =
        std::max({state_->longest_token_bytes, state_->tokenizer->token_bytes(id).size(),
                  state_->tokenizer->token_piece(id).size()});
  }
  if (!state_->chat_template) return;
  state_->card.chat_format = state_->chat_template->format_name();
  const auto& variables = state_->chat_template->variables();
  state_->card.template_variables.assign(variables.begin(), variables.end());
}

Generator::~Generator() = default;

Status Generator::admit(int places, Admission& admission) {
  return state_->engine->admit(places, admission);
}

Status Generator::hold_in_queue(std::span<TokenizedPrompt> prompts, int choice_count) {
  int64_t tokens = 0;
  for (const TokenizedPrompt& prompt : prompts) tokens += std::ssize(*prompt.tokens);
  ASSIGN_OR_RETURN(const auto claim, state_->queue_tokens.claim(tokens * choice_count));
  for (TokenizedPrompt& prompt : prompts) prompt.queue_claim = claim;
  return {};
}

Result<TokenizedPrompt> Generator::make_prompt(const GenerationRequest& request) const {
  const bool drops_turns =
      std::holds_alternative<ChatMessages>(request.prompt) && !request.truncate_prompt_tokens &&
      request.chat.truncation.value_or(state_->options.truncation) == Truncation::kDropOldestTurns;
  auto made =
      drops_turns ? state_->make_fitting_prompt(request) : as_fitted(state_->make_prompt(request));
  if (!made.ok()) return made.status().about(request.prompt_field);
  TokenIds ids = std::move(made->tokens);
  RETURN_IF_ERROR(state_->max_tokens(request, ids.size()).status().about(request.prompt_field));
  ASSIGN_OR_RETURN(std::vector<TokenIds> bad_words, state_->ban(request.bad_words));
  TokenizedPrompt prompt;
  prompt.dropped_messages = made->dropped_messages;
  prompt.tokens = std::make_shared<const TokenIds>(std::move(ids));
  prompt.bad_words = std::make_shared<const std::vector<TokenIds>>(std::move(bad_words));
  prompt.answer_begins_text =
      std::holds_alternative<ChatMessages>(request.prompt) && !request.chat.continue_final_message;
  prompt.is_text =
      std::holds_alternative<std::string>(request.prompt) && !request.truncate_prompt_tokens;
  return prompt;
}

Result<std::unique_ptr<GenerationStream>> Generator::start(const GenerationRequest& request,
                                                           TokenizedPrompt prompt,
                                                           Admission& admission) {
  RETURN_IF_ERROR(validate_stop(request.stop));
  EngineRequest sequence;
  sequence.prompt = *prompt.tokens;
  sequence.sampling = request.sampling;
  if (prompt.bad_words) sequence.sampling.bad_words = *prompt.bad_words;
  sequence.origin = request.origin;
  sequence.priority = request.priority;
  sequence.cache_salt = state_->cache_salt(request);
  ASSIGN_OR_RETURN(sequence.sampling.max_tokens,
                   state_->max_tokens(request, prompt.tokens->size()));
  auto feed = std::make_shared<TokenFeed>(state_->clock, state_->rate,
                                          std::exchange(prompt.queue_claim, nullptr));
  TokenStreamOptions options;
  options.prompt = std::move(prompt);
  options.skip_special_tokens = request.skip_special_tokens;
  options.stop = request.stop;
  options.include_stop_in_output = request.include_stop_in_output;
  options.min_tokens = request.sampling.min_tokens;
  options.logprobs = request.sampling.logprobs.has_value();

  sequence.listener = feed;
  ASSIGN_OR_RETURN(const SequenceId id, state_->engine->submit(std::move(sequence), admission));
  return std::unique_ptr<GenerationStream>(
      std::make_unique<TokenStream>(*state_->tokenizer, *state_->engine, state_->finish_counts, id,
                                    std::move(feed), std::move(options)));
}

Result<std::unique_ptr<GenerationStream>> Generator::start(const GenerationRequest& request) {
  Admission admission;
  RETURN_IF_ERROR(admit(1, admission));
  ASSIGN_OR_RETURN(TokenizedPrompt prompt, make_prompt(request));
  return start(request, std::move(prompt), admission);
}

Result<int> Generator::warm(std::string_view text) {
  ASSIGN_OR_RETURN(std::vector<TokenId> prompt, state_->encode(text));
  return warm(std::move(prompt));
}

Result<int> Generator::warm(std::vector<TokenId> prompt) {
  if (!stats().has_prefix_cache) {
    return error(StatusCode::kFailedPrecondition,
                 "the prefix cache is off (--no-enable-prefix-caching), or the backend shares no "
                 "blocks");
  }
  const int size = static_cast<int>(prompt.size());
  auto feed = std::make_shared<TokenFeed>(state_->clock, state_->rate);
  EngineRequest request;
  request.prompt = std::move(prompt);
  request.sampling.max_tokens = 0;
  request.pins_prompt = true;
  request.listener = feed;
  RETURN_IF_ERROR(state_->engine->submit(std::move(request)).status());
  std::optional<SequenceEnd> end;
  while (!end) end = feed->wait(std::chrono::seconds(1)).end;
  RETURN_IF_ERROR(end->error);
  return size;
}

Result<std::vector<TokenId>> Generator::tokenize(std::string_view text,
                                                 bool add_special_tokens) const {
  return state_->encode(text, add_special_tokens);
}

Result<std::vector<TokenId>> Generator::tokenize(const ChatMessages& messages,
                                                 const ChatRendering& chat) const {
  ASSIGN_OR_RETURN(const PromptText text, state_->fill_template(messages, chat));
  return state_->tokenizer->encode_prompt(text);
}

Result<std::string> Generator::detokenize(std::span<const TokenId> ids, SpecialText special) const {
  RETURN_IF_ERROR(state_->check_ids(ids));
  return state_->tokenizer->decode(ids, special);
}

std::string Generator::token_piece(TokenId id) const {
  return std::string(state_->tokenizer->token_piece(id));
}

bool Generator::has_chat_template() const { return state_->chat_template.has_value(); }

const SamplingParams& Generator::default_sampling() const {
  return state_->options.default_sampling;
}

int Generator::default_max_tokens() const { return state_->options.default_max_tokens; }

const ModelCard& Generator::model() const { return state_->card; }

EngineStats Generator::stats() const {
  EngineStats stats = state_->engine->stats();
  state_->finish_counts.write_to(stats);
  return stats;
}

Status Generator::health() const { return state_->engine->health(); }

int Generator::retry_after_seconds() const {
  const EngineStats now = stats();
  return state_->rate.retry_after_seconds(now.sequences_running, now.sequences_waiting);
}

double Generator::expected_wait_seconds(int own_places) const {
  const EngineStats now = stats();
  const int ahead = std::max(0, now.sequences_waiting - own_places);
  const bool has_slot =
      now.sequences_running == 0 || now.sequences_running < state_->card.max_num_seqs;
  if (ahead == 0 && has_slot) return 0;
  return state_->rate.seconds_until(ahead + 1, now.sequences_running);
}

double Generator::mean_seconds() const { return state_->rate.mean_seconds(); }

void Generator::drain(std::chrono::nanoseconds limit) { state_->engine->drain(limit); }

}  // namespace puna
