// Answer: the generations of one request, turned into what is sent. Nothing of the network in it.
//
// poll() says what to send now; on_ready() tells when to poll again. A failure before the first
// event is a reply with its status, later an error event. Destroying the answer cancels what runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/json_list.h"
#include "api/key_meter.h"
#include "api/metrics.h"
#include "base/json.h"
#include "base/status.h"
#include "generate/generator.h"
#include "http/http_handler.h"

namespace puna {

// One generation of an answer and what has come of it.
struct Choice {
  int index = 0;
  std::string prompt_text;  // what "echo" puts in front; empty without it
  const std::vector<TokenId>* prompt_tokens = nullptr;  // the stream's
  int dropped_messages = 0;                             // of the conversation, which was too long
  GenerationUsage usage;                                // so far
  FinishReason finish = FinishReason::kNone;
  // Not of streams:
  std::string text;
  std::vector<TokenId> tokens;
  std::map<std::string, JsonList> lists;  // of log probabilities, written as they come
  std::string json;                       // all of it, when it has ended
};

// How an API spells its answers.
class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;
  // Events of a stream, ready to be sent, after those that are there.
  virtual void add_start_events(const Choice& choice, std::string& events) const = 0;
  virtual void add_events(const Choice& choice, const GenerationChunk& chunk,
                          std::string& events) const = 0;
  virtual OrderedJson usage_event(const GenerationUsage& usage) const = 0;
  // The log probabilities of a chunk to choice.lists.
  virtual void write_lists(const GenerationChunk& chunk, Choice& choice) const = 0;
  // A choice that has ended to choice.json; what it is made of goes.
  virtual void write_choice(Choice& choice) const = 0;
  // The whole answer, of choices that are written; they go.
  virtual std::string whole(std::vector<Choice> choices, const GenerationUsage& usage) const = 0;
};

// Log probabilities that one answer may have: of its tokens, and of the alternatives to each; up to
// 40 MB of JSON.
inline constexpr int64_t kAnswerLogprobsMax = int64_t{1} << 19;
// What the bound leaves to each answer whose length nobody gave; less is refused.
inline constexpr int64_t kOpenAnswerTokensMin = 4096;

struct AnswerOptions {
  int choice_count = 1;  // per prompt
  bool stream = false;
  bool include_usage = false;
  bool echo = false;
  std::shared_ptr<KeyMeter::Ticket> ticket = nullptr;  // of a client with limits
};

class Answer final : public ReplyStream {
 public:
  // Makes the prompts and starts all generations, or none: the error of the first that could not,
  // kCancelled when nobody waits any more. `admission` holds one place or more; what is needed
  // beyond is taken before any text is worked on. `refusal` says what a limited client is told.
  static Result<std::unique_ptr<Answer>> start(
      std::shared_ptr<Generator> generator, std::vector<GenerationRequest> prompts,
      std::unique_ptr<AnswerFormat> format, const AnswerOptions& options, Metrics& metrics,
      Admission& admission, const std::atomic<bool>& abandoned, std::optional<ApiError>& refusal);
  ~Answer() override;
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  bool streams() const { return options_.stream; }
  // `wake` runs on the engine's thread when poll() has something; nullptr: never again.
  void on_ready(const std::function<void()>& wake) override;
  ReplyPart poll() override;
  bool begin_events() override;

 private:
  struct Running {
    Choice choice;
    std::unique_ptr<GenerationStream> stream;
  };

  Answer(std::shared_ptr<Generator> generator, std::unique_ptr<AnswerFormat> format,
         const AnswerOptions& options, Metrics& metrics);
  Status start_choice(const GenerationRequest& request, const TokenizedPrompt& prompt,
                      const std::string& prompt_text, Admission& admission);
  std::vector<GenerationChunk> poll_streams();
  void take(Running& running, const GenerationChunk& chunk, std::string& events);
  ReplyPart fail(const Status& status, std::string events);
  ReplyPart finish(std::string events);
  GenerationUsage usage() const;
  void count_prompts();
  void settle();

  std::shared_ptr<Generator> generator_;  // outlives the streams
  std::unique_ptr<AnswerFormat> format_;
  const AnswerOptions options_;
  Metrics& metrics_;
  std::vector<Running> running_;
  size_t next_ = 0;             // whose turn it is to be polled first
  std::function<void()> wake_;  // the reader's
  bool started_ = false;        // an event went out
  bool header_sent_ = false;    // a failure can be no status any more
  bool ended_ = false;
};

// "data: …\n\n"
std::string to_event(const OrderedJson& json);

}  // namespace puna
