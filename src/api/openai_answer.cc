// The order of a stream: role, text, finish, usage; one of each per choice, usage once.

#include "api/openai_answer.h"

#include <fmt/format.h>

#include <chrono>
#include <map>

#include "api/openai_logprobs.h"
#include "base/random_seed.h"

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

class ChatFormat final : public AnswerFormat {
 public:
  ChatFormat(AnswerIdentity identity, bool logprobs, bool include_usage)
      : identity_(std::move(identity)), logprobs_(logprobs), include_usage_(include_usage) {}

  std::vector<OrderedJson> start_events(const Choice& choice) const override {
    OrderedJson delta;
    delta["role"] = "assistant";
    delta["content"] = "";
    delta["refusal"] = nullptr;
    return {event(choice, std::move(delta), nullptr, FinishReason::kNone)};
  }

  std::vector<OrderedJson> events(const Choice& choice, const GenerationChunk& chunk) override {
    std::vector<OrderedJson> events;
    const bool has_logprobs = logprobs_ && !chunk.logprobs.empty();
    if (!chunk.text.empty() || has_logprobs) {
      OrderedJson delta;
      delta["content"] = chunk.text;
      OrderedJson logprobs = has_logprobs ? chat_logprobs(chunk.logprobs) : OrderedJson(nullptr);
      events.push_back(event(choice, std::move(delta), std::move(logprobs), FinishReason::kNone));
    }
    if (chunk.finish != FinishReason::kNone) {
      events.push_back(event(choice, OrderedJson::object(), nullptr, chunk.finish));
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
      one["logprobs"] = logprobs_ ? chat_logprobs(choice.logprobs) : OrderedJson(nullptr);
      one["finish_reason"] = finish_json(choice.finish);
      json["choices"].push_back(std::move(one));
    }
    json["usage"] = usage_json(usage);
    return json;
  }

 private:
  static constexpr const char* kChunk = "chat.completion.chunk";

  OrderedJson event(const Choice& choice, OrderedJson delta, OrderedJson logprobs,
                    FinishReason finish) const {
    OrderedJson one;
    one["index"] = choice.index;
    one["delta"] = std::move(delta);
    one["logprobs"] = std::move(logprobs);
    one["finish_reason"] = finish_json(finish);
    OrderedJson json = envelope(identity_, kChunk);
    json["choices"].push_back(std::move(one));
    if (include_usage_) json["usage"] = nullptr;
    return json;
  }

  const AnswerIdentity identity_;
  const bool logprobs_, include_usage_;
};

class CompletionFormat final : public AnswerFormat {
 public:
  CompletionFormat(AnswerIdentity identity, bool logprobs, bool include_usage)
      : identity_(std::move(identity)), logprobs_(logprobs), include_usage_(include_usage) {}

  std::vector<OrderedJson> start_events(const Choice& choice) const override {
    if (choice.prompt_text.empty()) return {};
    return {event(choice, choice.prompt_text, nullptr, FinishReason::kNone)};
  }

  std::vector<OrderedJson> events(const Choice& choice, const GenerationChunk& chunk) override {
    OrderedJson logprobs = nullptr;
    if (logprobs_) {
      std::vector<TokenLogprob> all = chunk.prompt_logprobs;
      all.insert(all.end(), chunk.logprobs.begin(), chunk.logprobs.end());
      if (!all.empty()) logprobs = completion_logprobs(all, text_offsets_[choice.index]);
    }
    std::vector<OrderedJson> events;
    if (!chunk.text.empty() || !logprobs.is_null()) {
      events.push_back(event(choice, chunk.text, std::move(logprobs), FinishReason::kNone));
    }
    if (chunk.finish != FinishReason::kNone) {
      events.push_back(event(choice, "", nullptr, chunk.finish));
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
      OrderedJson logprobs = nullptr;
      if (logprobs_) {
        std::vector<TokenLogprob> all = choice.prompt_logprobs;
        all.insert(all.end(), choice.logprobs.begin(), choice.logprobs.end());
        size_t text_offset = 0;
        logprobs = completion_logprobs(all, text_offset);
      }
      json["choices"].push_back(choice_json(choice, choice.prompt_text + choice.text,
                                            std::move(logprobs), choice.finish));
    }
    json["usage"] = usage_json(usage);
    return json;
  }

 private:
  static constexpr const char* kObject = "text_completion";

  static OrderedJson choice_json(const Choice& choice, const std::string& text,
                                 OrderedJson logprobs, FinishReason finish) {
    OrderedJson one;
    one["index"] = choice.index;
    one["text"] = text;
    one["logprobs"] = std::move(logprobs);
    one["finish_reason"] = finish_json(finish);
    return one;
  }

  OrderedJson event(const Choice& choice, const std::string& text, OrderedJson logprobs,
                    FinishReason finish) const {
    OrderedJson json = envelope(identity_, kObject);
    json["choices"].push_back(choice_json(choice, text, std::move(logprobs), finish));
    if (include_usage_) json["usage"] = nullptr;
    return json;
  }

  const AnswerIdentity identity_;
  const bool logprobs_, include_usage_;
  std::map<int, size_t> text_offsets_;  // by choice: characters streamed as logprobs
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

std::unique_ptr<AnswerFormat> chat_format(AnswerIdentity identity, bool logprobs,
                                          bool include_usage) {
  return std::make_unique<ChatFormat>(std::move(identity), logprobs, include_usage);
}

std::unique_ptr<AnswerFormat> completion_format(AnswerIdentity identity, bool logprobs,
                                                bool include_usage) {
  return std::make_unique<CompletionFormat>(std::move(identity), logprobs, include_usage);
}

std::unique_ptr<AnswerFormat> infer_format(std::string prefix) {
  return std::make_unique<InferFormat>(std::move(prefix));
}

}  // namespace puna
