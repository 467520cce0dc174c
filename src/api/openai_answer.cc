// The order of a stream: role, text, finish, usage; one of each per choice, usage once.

#include "api/openai_answer.h"

#include <fmt/format.h>

#include <chrono>

#include "api/openai_logprobs.h"
#include "base/random_seed.h"
#include "base/utf8.h"

namespace puna {
namespace {

OrderedJson usage_json(const GenerationUsage& usage) {
  OrderedJson json;
  json["prompt_tokens"] = usage.prompt_tokens;
  json["completion_tokens"] = usage.completion_tokens;
  json["total_tokens"] = usage.prompt_tokens + usage.completion_tokens;
  return json;
}

OrderedJson finish_json(FinishReason finish) {
  return finish == FinishReason::kNone ? OrderedJson(nullptr) : OrderedJson(describe(finish));
}

OrderedJson envelope(const AnswerIdentity& identity, const char* object) {
  OrderedJson json;
  json["id"] = identity.id;
  json["object"] = object;
  json["created"] = identity.created;
  json["model"] = identity.model;
  json["choices"] = OrderedJson::array();
  return json;
}

TokenNames token_names(const AnswerExtras& extras) {
  return extras.tokens_as_ids ? TokenNames::kIds : TokenNames::kText;
}

// What streams say of the usage in an event before the last.
void add_usage(const AnswerExtras& extras, const GenerationUsage& usage, OrderedJson& json) {
  if (extras.continuous_usage) {
    json["usage"] = usage_json(usage);
  } else if (extras.include_usage) {
    json["usage"] = nullptr;
  }
}

class ChatFormat final : public AnswerFormat {
 public:
  ChatFormat(AnswerIdentity identity, const AnswerExtras& extras)
      : identity_(std::move(identity)), extras_(extras) {}

  std::vector<OrderedJson> start_events(const Choice& choice) const override {
    OrderedJson delta;
    delta["role"] = "assistant";
    delta["content"] = "";
    delta["refusal"] = nullptr;
    OrderedJson json = event(choice, choice_json(choice, std::move(delta)));
    if (extras_.token_ids) json["prompt_token_ids"] = *choice.prompt_tokens;
    return {std::move(json)};
  }

  std::vector<OrderedJson> events(const Choice& choice, const GenerationChunk& chunk) override {
    std::vector<OrderedJson> events;
    const bool has_logprobs = extras_.logprobs && !chunk.logprobs.empty();
    const bool has_ids = extras_.token_ids && !chunk.tokens.empty();
    if (!chunk.text.empty() || has_logprobs || has_ids) {
      OrderedJson delta;
      delta["content"] = chunk.text;
      OrderedJson one = choice_json(choice, std::move(delta));
      if (has_logprobs) one["logprobs"] = chat_logprobs(chunk.logprobs, token_names(extras_));
      if (extras_.token_ids) one["token_ids"] = chunk.tokens;
      events.push_back(event(choice, std::move(one)));
    }
    if (chunk.finish != FinishReason::kNone) {
      OrderedJson one = choice_json(choice, OrderedJson::object());
      one["finish_reason"] = finish_json(chunk.finish);
      events.push_back(event(choice, std::move(one)));
    }
    return events;
  }

  OrderedJson usage_event(const GenerationUsage& usage) const override {
    OrderedJson json = envelope(identity_, kChunk);
    json["usage"] = usage_json(usage);
    return json;
  }

  OrderedJson whole(const std::vector<Choice>& choices,
                    const GenerationUsage& usage) const override {
    OrderedJson json = envelope(identity_, "chat.completion");
    for (const Choice& choice : choices) {
      OrderedJson one;
      one["index"] = choice.index;
      one["message"]["role"] = "assistant";
      one["message"]["content"] = choice.text;
      one["message"]["refusal"] = nullptr;
      one["logprobs"] = extras_.logprobs ? chat_logprobs(choice.logprobs, token_names(extras_))
                                         : OrderedJson(nullptr);
      one["finish_reason"] = finish_json(choice.finish);
      if (extras_.token_ids) one["token_ids"] = choice.tokens;
      json["choices"].push_back(std::move(one));
    }
    json["usage"] = usage_json(usage);
    if (extras_.prompt_logprobs) {
      json["prompt_logprobs"] = prompt_logprobs_json(choices.front().prompt_logprobs);
    }
    if (extras_.token_ids) json["prompt_token_ids"] = *choices.front().prompt_tokens;
    return json;
  }

 private:
  static constexpr const char* kChunk = "chat.completion.chunk";

  static OrderedJson choice_json(const Choice& choice, OrderedJson delta) {
    OrderedJson one;
    one["index"] = choice.index;
    one["delta"] = std::move(delta);
    one["logprobs"] = nullptr;
    one["finish_reason"] = nullptr;
    return one;
  }
  OrderedJson event(const Choice& choice, OrderedJson one) const {
    OrderedJson json = envelope(identity_, kChunk);
    json["choices"].push_back(std::move(one));
    add_usage(extras_, choice.usage, json);
    return json;
  }

  const AnswerIdentity identity_;
  const AnswerExtras extras_;
};

class CompletionFormat final : public AnswerFormat {
 public:
  CompletionFormat(AnswerIdentity identity, const AnswerExtras& extras)
      : identity_(std::move(identity)), extras_(extras) {}

  std::vector<OrderedJson> start_events(const Choice& choice) const override {
    if (choice.prompt_text.empty() && !extras_.token_ids) return {};
    OrderedJson one = choice_json(choice, choice.prompt_text);
    if (extras_.token_ids) {
      one["prompt_token_ids"] = *choice.prompt_tokens;
      one["token_ids"] = OrderedJson::array();
    }
    return {event(choice, std::move(one))};
  }

  std::vector<OrderedJson> events(const Choice& choice, const GenerationChunk& chunk) override {
    std::vector<OrderedJson> events;
    const bool has_logprobs =
        extras_.logprobs && !(chunk.prompt_logprobs.empty() && chunk.logprobs.empty());
    const bool has_ids = extras_.token_ids && !chunk.tokens.empty();
    if (!chunk.text.empty() || has_logprobs || has_ids) {
      OrderedJson one = choice_json(choice, chunk.text);
      if (has_logprobs)
        one["logprobs"] = logprobs_of(choice, chunk.prompt_logprobs, chunk.logprobs);
      if (extras_.token_ids) one["token_ids"] = chunk.tokens;
      events.push_back(event(choice, std::move(one)));
    }
    if (chunk.finish != FinishReason::kNone) {
      OrderedJson one = choice_json(choice, "");
      one["finish_reason"] = finish_json(chunk.finish);
      events.push_back(event(choice, std::move(one)));
    }
    return events;
  }

  OrderedJson usage_event(const GenerationUsage& usage) const override {
    OrderedJson json = envelope(identity_, kObject);
    json["usage"] = usage_json(usage);
    return json;
  }

  OrderedJson whole(const std::vector<Choice>& choices,
                    const GenerationUsage& usage) const override {
    OrderedJson json = envelope(identity_, kObject);
    for (const Choice& choice : choices) {
      OrderedJson one = choice_json(choice, choice.prompt_text + choice.text);
      if (extras_.logprobs) {
        one["logprobs"] = logprobs_of(choice, choice.prompt_logprobs, choice.logprobs);
      }
      one["finish_reason"] = finish_json(choice.finish);
      if (extras_.prompt_logprobs) {
        one["prompt_logprobs"] = prompt_logprobs_json(choice.prompt_logprobs);
      }
      if (extras_.token_ids) {
        one["token_ids"] = choice.tokens;
        one["prompt_token_ids"] = *choice.prompt_tokens;
      }
      json["choices"].push_back(std::move(one));
    }
    json["usage"] = usage_json(usage);
    return json;
  }

 private:
  static constexpr const char* kObject = "text_completion";

  static OrderedJson choice_json(const Choice& choice, const std::string& text) {
    OrderedJson one;
    one["index"] = choice.index;
    one["text"] = text;
    one["logprobs"] = nullptr;
    one["finish_reason"] = nullptr;
    return one;
  }
  // The prompt's tokens are among them only where its text is.
  OrderedJson logprobs_of(const Choice& choice, const std::vector<TokenLogprob>& prompt,
                          const std::vector<TokenLogprob>& answer) const {
    static const std::vector<TokenLogprob> kNone;
    return completion_logprobs(choice.prompt_text.empty() ? kNone : prompt, answer,
                               character_count(choice.prompt_text), token_names(extras_));
  }
  OrderedJson event(const Choice& choice, OrderedJson one) const {
    OrderedJson json = envelope(identity_, kObject);
    json["choices"].push_back(std::move(one));
    add_usage(extras_, choice.usage, json);
    return json;
  }

  const AnswerIdentity identity_;
  const AnswerExtras extras_;
};

class InferFormat final : public AnswerFormat {
 public:
  explicit InferFormat(std::string prefix) : prefix_(std::move(prefix)) {}

  std::vector<OrderedJson> start_events(const Choice&) const override { return {}; }
  std::vector<OrderedJson> events(const Choice&, const GenerationChunk&) override { return {}; }
  OrderedJson usage_event(const GenerationUsage&) const override { return nullptr; }
  OrderedJson whole(const std::vector<Choice>& choices, const GenerationUsage&) const override {
    return OrderedJson::array({prefix_ + choices.front().text});
  }

 private:
  const std::string prefix_;
};

}  // namespace

AnswerIdentity new_identity(const std::string& prefix, const std::string& model) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {.id = fmt::format("{}-{:016x}{:016x}", prefix, random_seed(), random_seed()),
          .created = std::chrono::duration_cast<std::chrono::seconds>(now).count(),
          .model = model};
}

std::unique_ptr<AnswerFormat> chat_format(AnswerIdentity identity, const AnswerExtras& extras) {
  return std::make_unique<ChatFormat>(std::move(identity), extras);
}

std::unique_ptr<AnswerFormat> completion_format(AnswerIdentity identity,
                                                const AnswerExtras& extras) {
  return std::make_unique<CompletionFormat>(std::move(identity), extras);
}

std::unique_ptr<AnswerFormat> infer_format(std::string prefix) {
  return std::make_unique<InferFormat>(std::move(prefix));
}

}  // namespace puna
