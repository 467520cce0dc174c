// The order of a stream: role, text, finish, usage; one of each per choice, usage once.

#include "api/openai_answer.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

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
  json["prompt_tokens_details"]["cached_tokens"] = usage.cached_tokens;
  return json;
}

OrderedJson finish_json(FinishReason finish) {
  return finish == FinishReason::kNone ? OrderedJson(nullptr) : OrderedJson(describe(finish));
}

// vLLM's field, where finish_reason does not say all.
void add_stop_reason(FinishReason finish, OrderedJson& one) {
  if (finish == FinishReason::kDeadline) one["stop_reason"] = "deadline";
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

constexpr const char* kPromptLogprobs = "prompt_logprobs";
constexpr const char* kDroppedMessages = "dropped_messages";

// Its lists to those of the choice.
void append_lists(const OrderedJson& lists, Choice& choice) {
  for (const auto& [name, list] : lists.items()) {
    if (list.is_array()) choice.lists[name].append(list);
  }
}

// Choices go as they are taken over, so that a large answer is in memory once.
std::string whole_text(OrderedJson envelope, std::vector<Choice> choices,
                       const GenerationUsage& usage) {
  envelope.erase("choices");
  envelope["usage"] = usage_json(usage);
  std::string text = dump_json(envelope);
  size_t bytes = text.size() + 16;
  for (const Choice& choice : choices) bytes += choice.json.size() + 1;
  text.pop_back();
  text += R"(,"choices":[)";
  text.reserve(bytes + text.size());
  for (size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) text += ',';
    text += std::exchange(choices[i].json, std::string());
  }
  text += "]}";
  return text;
}

TokenNames token_names(const AnswerExtras& extras) {
  return extras.tokens_as_ids ? TokenNames::kIds : TokenNames::kText;
}

// Events of a stream, as text: one comes for almost every token, and differs little from the last.
class EventWriter {
 public:
  EventWriter(const OrderedJson& envelope, const AnswerExtras& extras)
      : front_("data: " + dump_json(envelope)), extras_(extras) {
    front_.resize(front_.size() - 2);  // without the end of its empty list of choices
  }

  // `one` is the JSON of a choice.
  void add(const Choice& choice, std::string_view one, std::string& events) const {
    events += front_;
    events += one;
    events += ']';
    if (extras_.continuous_usage) {
      events += ",\"usage\":";
      events += dump_json(usage_json(choice.usage));
    } else if (extras_.include_usage) {
      events += ",\"usage\":null";
    }
    events += "}\n\n";
  }

 private:
  std::string front_;
  const AnswerExtras extras_;
};

class ChatFormat final : public AnswerFormat {
 public:
  ChatFormat(AnswerIdentity identity, const AnswerExtras& extras)
      : identity_(std::move(identity)),
        extras_(extras),
        writer_(envelope(identity_, kChunk), extras_) {}

  void add_start_events(const Choice& choice, std::string& events) const override {
    OrderedJson delta;
    delta["role"] = "assistant";
    delta["content"] = "";
    delta["refusal"] = nullptr;
    std::string event;
    writer_.add(choice, dump_json(choice_json(choice, std::move(delta))), event);
    event.resize(event.size() - 2);
    if (extras_.token_ids) {
      add_member("prompt_token_ids", dump_json(OrderedJson(*choice.prompt_tokens)), event);
    }
    if (choice.dropped_messages > 0) {
      add_member(kDroppedMessages, std::to_string(choice.dropped_messages), event);
    }
    events += event;
    events += "\n\n";
  }

  void add_events(const Choice& choice, const GenerationChunk& chunk,
                  std::string& events) const override {
    const bool has_logprobs = extras_.logprobs && !chunk.logprobs.empty();
    const bool has_ids = extras_.token_ids && !chunk.tokens.empty();
    if (has_logprobs || has_ids) {
      OrderedJson delta;
      delta["content"] = chunk.text;
      OrderedJson one = choice_json(choice, std::move(delta));
      if (has_logprobs) one["logprobs"] = chat_logprobs(chunk.logprobs, token_names(extras_));
      if (extras_.token_ids) one["token_ids"] = chunk.tokens;
      writer_.add(choice, dump_json(one), events);
    } else if (!chunk.text.empty()) {
      writer_.add(choice,
                  fmt::format(R"({{"index":{},"delta":{{"content":{}}},"logprobs":null,)"
                              R"("finish_reason":null}})",
                              choice.index, dump_json(Json(chunk.text))),
                  events);
    }
    if (chunk.finish != FinishReason::kNone) {
      OrderedJson one = choice_json(choice, OrderedJson::object());
      one["finish_reason"] = finish_json(chunk.finish);
      add_stop_reason(chunk.finish, one);
      writer_.add(choice, dump_json(one), events);
    }
  }

  OrderedJson usage_event(const GenerationUsage& usage) const override {
    OrderedJson json = envelope(identity_, kChunk);
    json["usage"] = usage_json(usage);
    return json;
  }

  void write_lists(const GenerationChunk& chunk, Choice& choice) const override {
    if (extras_.logprobs) {
      append_lists(chat_logprobs(chunk.logprobs, token_names(extras_)), choice);
    }
    // The choices have one prompt.
    if (extras_.prompt_logprobs && choice.index == 0) {
      choice.lists[kPromptLogprobs].append(prompt_logprobs_json(chunk.prompt_logprobs));
    }
  }

  void write_choice(Choice& choice) const override {
    OrderedJson one;
    one["index"] = choice.index;
    one["message"]["role"] = "assistant";
    one["message"]["content"] = std::exchange(choice.text, "");
    one["message"]["refusal"] = nullptr;
    one["finish_reason"] = finish_json(choice.finish);
    add_stop_reason(choice.finish, one);
    if (extras_.token_ids) one["token_ids"] = std::exchange(choice.tokens, {});
    choice.json = dump_json(one);
    std::string logprobs = "null";
    if (extras_.logprobs) {
      logprobs = R"({"content":)";
      choice.lists["content"].move_to(logprobs);
      logprobs += R"(,"refusal":null})";
    }
    add_member("logprobs", logprobs, choice.json);
  }

  std::string whole(std::vector<Choice> choices, const GenerationUsage& usage) const override {
    OrderedJson json = envelope(identity_, "chat.completion");
    const int dropped_messages = choices.front().dropped_messages;
    if (dropped_messages > 0) json[kDroppedMessages] = dropped_messages;
    if (extras_.token_ids) json["prompt_token_ids"] = *choices.front().prompt_tokens;
    std::string prompt_logprobs;
    if (extras_.prompt_logprobs) {
      choices.front().lists[kPromptLogprobs].move_to(prompt_logprobs);
    }
    std::string text = whole_text(std::move(json), std::move(choices), usage);
    if (extras_.prompt_logprobs) add_member(kPromptLogprobs, prompt_logprobs, text);
    return text;
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

  const AnswerIdentity identity_;
  const AnswerExtras extras_;
  const EventWriter writer_;
};

class CompletionFormat final : public AnswerFormat {
 public:
  CompletionFormat(AnswerIdentity identity, const AnswerExtras& extras)
      : identity_(std::move(identity)),
        extras_(extras),
        writer_(envelope(identity_, kObject), extras_) {}

  void add_start_events(const Choice& choice, std::string& events) const override {
    if (choice.prompt_text.empty() && !extras_.token_ids) return;
    OrderedJson one = choice_json(choice, choice.prompt_text);
    if (extras_.token_ids) {
      one["prompt_token_ids"] = *choice.prompt_tokens;
      one["token_ids"] = OrderedJson::array();
    }
    writer_.add(choice, dump_json(one), events);
  }

  void add_events(const Choice& choice, const GenerationChunk& chunk,
                  std::string& events) const override {
    const bool has_logprobs =
        extras_.logprobs && !(chunk.prompt_logprobs.empty() && chunk.logprobs.empty());
    const bool has_ids = extras_.token_ids && !chunk.tokens.empty();
    if (has_logprobs || has_ids) {
      OrderedJson one = choice_json(choice, chunk.text);
      if (has_logprobs) {
        one["logprobs"] = logprobs_of(choice, chunk.prompt_logprobs, chunk.logprobs);
      }
      if (extras_.token_ids) one["token_ids"] = chunk.tokens;
      writer_.add(choice, dump_json(one), events);
    } else if (!chunk.text.empty()) {
      writer_.add(choice,
                  fmt::format(R"({{"index":{},"text":{},"logprobs":null,"finish_reason":null}})",
                              choice.index, dump_json(Json(chunk.text))),
                  events);
    }
    if (chunk.finish != FinishReason::kNone) {
      OrderedJson one = choice_json(choice, "");
      one["finish_reason"] = finish_json(chunk.finish);
      add_stop_reason(chunk.finish, one);
      writer_.add(choice, dump_json(one), events);
    }
  }

  OrderedJson usage_event(const GenerationUsage& usage) const override {
    OrderedJson json = envelope(identity_, kObject);
    json["usage"] = usage_json(usage);
    return json;
  }

  void write_lists(const GenerationChunk& chunk, Choice& choice) const override {
    if (extras_.logprobs) {
      append_lists(logprobs_of(choice, chunk.prompt_logprobs, chunk.logprobs), choice);
    }
    if (extras_.prompt_logprobs) {
      choice.lists[kPromptLogprobs].append(prompt_logprobs_json(chunk.prompt_logprobs));
    }
  }

  void write_choice(Choice& choice) const override {
    OrderedJson one;
    one["index"] = choice.index;
    one["text"] = std::exchange(choice.prompt_text, "") + std::exchange(choice.text, "");
    one["finish_reason"] = finish_json(choice.finish);
    add_stop_reason(choice.finish, one);
    if (extras_.token_ids) {
      one["token_ids"] = std::exchange(choice.tokens, {});
      one["prompt_token_ids"] = *choice.prompt_tokens;
    }
    choice.json = dump_json(one);
    std::string logprobs = "null";
    if (extras_.logprobs) {
      logprobs = "{}";
      for (const char* name : {"tokens", "token_logprobs", "top_logprobs", "text_offset"}) {
        std::string list;
        choice.lists[name].move_to(list);
        add_member(name, list, logprobs);
      }
    }
    add_member("logprobs", logprobs, choice.json);
    if (!extras_.prompt_logprobs) return;
    std::string list;
    choice.lists[kPromptLogprobs].move_to(list);
    add_member(kPromptLogprobs, list, choice.json);
  }

  std::string whole(std::vector<Choice> choices, const GenerationUsage& usage) const override {
    return whole_text(envelope(identity_, kObject), std::move(choices), usage);
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
    static const std::vector<TokenLogprob> none;
    return completion_logprobs(choice.prompt_text.empty() ? none : prompt, answer,
                               character_count(choice.prompt_text), token_names(extras_));
  }

  const AnswerIdentity identity_;
  const AnswerExtras extras_;
  const EventWriter writer_;
};

class InferFormat final : public AnswerFormat {
 public:
  explicit InferFormat(std::string prefix) : prefix_(std::move(prefix)) {}

  void add_start_events(const Choice&, std::string&) const override {}
  void add_events(const Choice&, const GenerationChunk&, std::string&) const override {}
  OrderedJson usage_event(const GenerationUsage&) const override { return nullptr; }
  void write_lists(const GenerationChunk&, Choice&) const override {}
  void write_choice(Choice&) const override {}
  std::string whole(std::vector<Choice> choices, const GenerationUsage&) const override {
    return dump_json(OrderedJson::array({prefix_ + choices.front().text}));
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
