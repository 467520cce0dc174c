// What both endpoints share: one list of choices, usage, and the order of events.

#include "api/openai_answer.h"

#include "api/openai_logprobs.h"
#include "base/json.h"

namespace puna {
namespace {

// What one choice has come to.
struct Choice {
  std::string text;
  std::vector<TokenLogprob> logprobs;
  OrderedJson finish_reason = nullptr;
  GenerationUsage usage;
  bool begun = false;  // its first event is out
};

OrderedJson usage_json(const std::vector<Choice>& choices, size_t per_prompt) {
  int64_t prompt = 0;
  int64_t completion = 0;
  for (size_t i = 0; i < choices.size(); ++i) {
    // A prompt that is answered several times is counted once.
    if (i % per_prompt == 0) prompt += choices[i].usage.prompt_tokens;
    completion += choices[i].usage.completion_tokens;
  }
  OrderedJson usage;
  usage["prompt_tokens"] = prompt;
  usage["completion_tokens"] = completion;
  usage["total_tokens"] = prompt + completion;
  return usage;
}

class OpenAiAnswer : public Answer {
 public:
  explicit OpenAiAnswer(OpenAiAnswerOptions options)
      : options_(std::move(options)), choices_(options_.echoed.size()) {}

  void add(size_t index, const GenerationChunk& chunk, const GenerationStream& stream) override {
    Choice& choice = choices_[index];
    choice.usage = stream.usage();
    events_ += begin(index);
    std::vector<TokenLogprob> logprobs;
    if (options_.logprobs) {
      logprobs = chunk.prompt_logprobs;
      logprobs.insert(logprobs.end(), chunk.logprobs.begin(), chunk.logprobs.end());
    }
    const size_t text_offset = choice.text.size();
    choice.text += chunk.text;
    if (!chunk.text.empty() || !logprobs.empty()) {
      events_ += event(delta(index, chunk.text, logprobs, text_offset));
    }
    choice.logprobs.insert(choice.logprobs.end(), logprobs.begin(), logprobs.end());
    if (chunk.finish == FinishReason::kNone) return;
    choice.finish_reason = describe(chunk.finish);
    events_ += event(finish(index));
  }

  std::string take_events() override { return std::exchange(events_, ""); }

  std::string last_events() override {
    std::string text = take_events();
    if (options_.include_usage) {
      OrderedJson chunk = envelope(stream_object());
      chunk["choices"] = OrderedJson::array();
      chunk["usage"] = usage_json(choices_, options_.choice_count);
      text += server_sent_event(dump_json(chunk));
    }
    return text + server_sent_event("[DONE]");
  }

  HttpReply reply() override {
    OrderedJson document = envelope(object());
    document["choices"] = OrderedJson::array();
    for (size_t i = 0; i < choices_.size(); ++i) document["choices"].push_back(whole(i));
    document["usage"] = usage_json(choices_, options_.choice_count);
    HttpReply reply;
    reply.body = dump_json(document);
    return reply;
  }

 protected:
  virtual const char* object() const = 0;
  virtual const char* stream_object() const = 0;
  virtual std::string begin(size_t index) = 0;  // events before a choice's first text
  virtual OrderedJson delta(size_t index, const std::string& text,
                            const std::vector<TokenLogprob>& logprobs, size_t text_offset) = 0;
  virtual OrderedJson finish(size_t index) = 0;
  virtual OrderedJson whole(size_t index) = 0;

  // One choice in an event.
  std::string event(OrderedJson choice) const {
    OrderedJson chunk = envelope(stream_object());
    chunk["choices"] = OrderedJson::array({std::move(choice)});
    if (options_.include_usage) chunk["usage"] = nullptr;
    return server_sent_event(dump_json(chunk));
  }

  OrderedJson envelope(const char* kind) const {
    OrderedJson json;
    json["id"] = options_.id;
    json["object"] = kind;
    json["created"] = options_.created;
    json["model"] = options_.model;
    return json;
  }

  const OpenAiAnswerOptions options_;
  std::vector<Choice> choices_;

 private:
  std::string events_;
};

class ChatAnswer final : public OpenAiAnswer {
 public:
  using OpenAiAnswer::OpenAiAnswer;

 private:
  const char* object() const override { return "chat.completion"; }
  const char* stream_object() const override { return "chat.completion.chunk"; }

  OrderedJson choice_json(size_t index) const {
    OrderedJson json;
    json["index"] = index;
    return json;
  }

  std::string begin(size_t index) override {
    if (std::exchange(choices_[index].begun, true)) return "";
    OrderedJson json = choice_json(index);
    json["delta"] = {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}};
    json["logprobs"] = nullptr;
    json["finish_reason"] = nullptr;
    return event(std::move(json));
  }

  OrderedJson delta(size_t index, const std::string& text,
                    const std::vector<TokenLogprob>& logprobs, size_t) override {
    OrderedJson json = choice_json(index);
    json["delta"]["content"] = text;
    json["logprobs"] = options_.logprobs ? chat_logprobs(logprobs) : OrderedJson(nullptr);
    json["finish_reason"] = nullptr;
    return json;
  }

  OrderedJson finish(size_t index) override {
    OrderedJson json = choice_json(index);
    json["delta"] = OrderedJson::object();
    json["logprobs"] = nullptr;
    json["finish_reason"] = choices_[index].finish_reason;
    return json;
  }

  OrderedJson whole(size_t index) override {
    const Choice& choice = choices_[index];
    OrderedJson json = choice_json(index);
    json["message"] = {{"role", "assistant"}, {"content", choice.text}, {"refusal", nullptr}};
    json["logprobs"] = options_.logprobs ? chat_logprobs(choice.logprobs) : OrderedJson(nullptr);
    json["finish_reason"] = choice.finish_reason;
    return json;
  }
};

class CompletionAnswer final : public OpenAiAnswer {
 public:
  using OpenAiAnswer::OpenAiAnswer;

 private:
  const char* object() const override { return "text_completion"; }
  const char* stream_object() const override { return "text_completion"; }

  static OrderedJson choice_json(size_t index, const std::string& text, OrderedJson logprobs,
                                 OrderedJson finish_reason) {
    OrderedJson json;
    json["index"] = index;
    json["text"] = text;
    json["logprobs"] = std::move(logprobs);
    json["finish_reason"] = std::move(finish_reason);
    return json;
  }

  std::string begin(size_t index) override {
    if (std::exchange(choices_[index].begun, true) || options_.echoed[index].empty()) return "";
    return event(choice_json(index, options_.echoed[index], nullptr, nullptr));
  }

  OrderedJson delta(size_t index, const std::string& text,
                    const std::vector<TokenLogprob>& logprobs, size_t text_offset) override {
    return choice_json(index, text, logprobs_json(logprobs, text_offset), nullptr);
  }

  OrderedJson finish(size_t index) override {
    return choice_json(index, "", nullptr, choices_[index].finish_reason);
  }

  OrderedJson whole(size_t index) override {
    const Choice& choice = choices_[index];
    return choice_json(index, options_.echoed[index] + choice.text,
                       logprobs_json(choice.logprobs, 0), choice.finish_reason);
  }

  OrderedJson logprobs_json(const std::vector<TokenLogprob>& logprobs, size_t text_offset) const {
    return options_.logprobs ? completion_logprobs(logprobs, text_offset) : OrderedJson(nullptr);
  }
};

}  // namespace

std::unique_ptr<Answer> make_chat_answer(OpenAiAnswerOptions options) {
  return std::make_unique<ChatAnswer>(std::move(options));
}

std::unique_ptr<Answer> make_completion_answer(OpenAiAnswerOptions options) {
  return std::make_unique<CompletionAnswer>(std::move(options));
}

}  // namespace puna
