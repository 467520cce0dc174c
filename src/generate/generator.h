// Generator: requests in, streams of text out. Joins tokenizer, chat template and engine.
//
// Thread-safe. The front doors (HTTP, terminal) talk to this and to nothing below it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "engine/engine.h"
#include "engine/engine_stats.h"
#include "generate/generation_request.h"
#include "generate/generation_stream.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace puna {

struct GeneratorOptions {
  std::string model_name;                  // what answers call the model
  std::vector<std::string> model_aliases;  // other names that requests may use
  std::string bos_token, eos_token;        // for the chat template
  SamplingParams default_sampling;         // from generation_config.json, else the seed system's
  int default_max_tokens = 0;         // of a request that sets none; 0: up to the model's length
  std::vector<std::string> adapters;  // names of what is merged into the weights
  int max_num_seqs = 0;               // that run at once, for whoever asks
  std::string kv_cache_dtype = "auto";
  Truncation truncation = Truncation::kDisabled;  // of conversations that do not say
  int64_t queued_tokens_max = 0;                  // of prompts that wait; 0: no limit
  bool prefix_cache_per_key = false;  // clients with different keys share no computed prompts
};

struct ModelCard {
  std::string name = {};
  std::vector<std::string> names = {};  // all that requests may use, `name` first
  int max_model_len = 0;
  int vocab_size = 0;
  std::vector<std::string> adapters = {};
  bool has_chat_template = false;
  std::string chat_format = {};                      // ChatTemplate::format_name()
  std::vector<std::string> template_variables = {};  // what the chat template reads
  int max_num_seqs = 0;
  std::string kv_cache_dtype = {};  // "auto", "bf16", …
};

class Generator {
 public:
  Generator(std::unique_ptr<Tokenizer> tokenizer, std::optional<ChatTemplate> chat_template,
            std::unique_ptr<Engine> engine, GeneratorOptions options, const Clock& clock);
  ~Generator();

  // Holds so many places more in the queue, before anybody works on their texts.
  // kResourceExhausted: it is full. kUnavailable: draining.
  Status admit(int places, Admission& admission);

  // What is slow for a long text: template and tokenizer. kInvalidArgument: a token that is none,
  // template refused. kOutOfRange: longer than the model (both numbers in the message).
  Result<TokenizedPrompt> make_prompt(const GenerationRequest& request) const;

  // Room in the queue for these prompts, each answered so often, until they begin or are dropped.
  // kResourceExhausted: too many tokens wait. A request alone may have more than the limit.
  Status hold_in_queue(std::span<TokenizedPrompt> prompts, int choice_count);

  // Answers `prompt` in a place of `admission`; that of `request` is not looked at.
  // kInvalidArgument: bad parameters. kOutOfRange: prompt and answer do not fit.
  Result<std::unique_ptr<GenerationStream>> start(const GenerationRequest& request,
                                                  TokenizedPrompt prompt, Admission& admission);
  // All of these.
  Result<std::unique_ptr<GenerationStream>> start(const GenerationRequest& request);

  // Computes what prompts that begin with these messages, or with this text, have in common, and
  // keeps it. Waits; gives the number of its tokens. kFailedPrecondition: nothing is kept here.
  Result<int> warm(const ChatMessages& messages);
  Result<int> warm(std::string_view text);

  Result<std::vector<TokenId>> tokenize(std::string_view text, bool add_special_tokens) const;
  Result<std::vector<TokenId>> tokenize(const ChatMessages& messages,
                                        const ChatRendering& chat) const;
  Result<std::string> detokenize(std::span<const TokenId> ids,
                                 SpecialText special = SpecialText::kLeftOut) const;
  std::string token_piece(TokenId id) const;

  bool has_chat_template() const;
  const SamplingParams& default_sampling() const;
  int default_max_tokens() const;  // 0: up to the model's length
  const ModelCard& model() const;
  EngineStats stats() const;
  // kUnavailable with the reason when nothing can be computed any more; nothing clears it.
  Status health() const;
  // Seconds until a slot is likely free, from measured rates; for Retry-After. At least 1.
  int retry_after_seconds() const;

  // Until a request that has `own_places` in the queue would begin, as far as is known.
  double expected_wait_seconds(int own_places) const;
  // How long answers take, as measured; 0 when nothing is known.
  double mean_seconds() const;

  // Refuses new work; running generations finish, at most for `limit`, then are cancelled.
  void drain(std::chrono::nanoseconds limit);

 private:
  struct State;
  Result<int> warm(std::vector<TokenId> prompt);
  std::unique_ptr<State> state_;
};

}  // namespace puna
