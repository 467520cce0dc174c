// Streams of text in, events or one body out.

#include "api/answer.h"

#include <algorithm>
#include <iterator>

#include "api/error_response.h"

namespace puna {
namespace {

constexpr const char* kDone = "data: [DONE]\n\n";

void append(std::vector<TokenLogprob>& target, const std::vector<TokenLogprob>& more) {
  target.insert(target.end(), more.begin(), more.end());
}

// Why a generation ended without its answer.
Status failure_of(const GenerationChunk& chunk) {
  if (chunk.finish == FinishReason::kError) return chunk.error;
  return error(StatusCode::kUnavailable, "the server is shutting down; try again");
}

bool has_failed(const GenerationChunk& chunk) {
  return chunk.finish == FinishReason::kError || chunk.finish == FinishReason::kCancelled;
}

// A text as it was sent; ids, and what truncation has left, as text with its control tokens.
Result<std::string> prompt_text_of(const Generator& generator, const GenerationRequest& request,
                                   const std::vector<TokenId>& tokens) {
  const auto* text = std::get_if<std::string>(&request.prompt);
  if (text != nullptr && !request.truncate_prompt_tokens) return *text;
  return generator.detokenize(tokens, SpecialText::kShown);
}

}  // namespace

std::string to_event(const OrderedJson& json) { return "data: " + dump_json(json) + "\n\n"; }

Answer::Answer(std::shared_ptr<Generator> generator, std::unique_ptr<AnswerFormat> format,
               const AnswerOptions& options, Metrics& metrics)
    : generator_(std::move(generator)),
      format_(std::move(format)),
      options_(options),
      metrics_(metrics) {}

Answer::~Answer() { on_ready(nullptr); }

Result<std::unique_ptr<Answer>> Answer::start(std::shared_ptr<Generator> generator,
                                              std::vector<GenerationRequest> prompts,
                                              std::unique_ptr<AnswerFormat> format,
                                              const AnswerOptions& options, Metrics& metrics,
                                              Admission& admission,
                                              const std::atomic<bool>& abandoned) {
  const int count = static_cast<int>(prompts.size()) * options.choice_count;
  if (count > admission.places()) {
    RETURN_IF_ERROR(generator->admit(count - admission.places(), admission));
  }
  std::vector<TokenizedPrompt> tokenized;
  for (const GenerationRequest& prompt : prompts) {
    if (abandoned) return error(StatusCode::kCancelled, "the client has left");
    ASSIGN_OR_RETURN(TokenizedPrompt one, generator->make_prompt(prompt));
    tokenized.push_back(std::move(one));
  }
  std::unique_ptr<Answer> answer(
      new Answer(std::move(generator), std::move(format), options, metrics));
  for (size_t i = 0; i < prompts.size(); ++i) {
    GenerationRequest& request = prompts[i];
    std::string prompt_text;
    if (options.echo) {
      ASSIGN_OR_RETURN(prompt_text,
                       prompt_text_of(*answer->generator_, request, *tokenized[i].tokens));
    }
    request.prompt = TokenIds();  // may be long
    for (int choice = 0; choice < options.choice_count; ++choice) {
      RETURN_IF_ERROR(answer->start_choice(request, tokenized[i], prompt_text, admission));
      // Choices of one prompt differ, and the same seed gives the same choices again.
      ++request.sampling.seed;
    }
  }
  return answer;
}

Status Answer::start_choice(const GenerationRequest& request, const TokenizedPrompt& prompt,
                            const std::string& prompt_text, Admission& admission) {
  Running running;
  running.choice.index = static_cast<int>(running_.size());
  running.choice.prompt_text = prompt_text;
  ASSIGN_OR_RETURN(running.stream, generator_->start(request, prompt, admission));
  running.choice.prompt_tokens = &running.stream->prompt_tokens();
  running.choice.usage = running.stream->usage();
  metrics_.count_start(request);
  running_.push_back(std::move(running));
  return {};
}

void Answer::on_ready(const std::function<void()>& wake) {
  for (Running& running : running_) running.stream->on_ready(wake);
}

bool Answer::begin_events() {
  header_sent_ = options_.stream;
  return header_sent_;
}

ReplyPart Answer::poll() {
  ReplyPart part;
  if (ended_) return part;
  std::vector<GenerationChunk> chunks;
  bool any = false;
  for (Running& running : running_) {
    chunks.push_back(running.stream->poll());
    any |= !chunks.back().empty();
  }
  if (!any) return part;
  // A failure in the first chunks is an HTTP status, so it is looked for before anything is said.
  const auto failed = std::find_if(chunks.begin(), chunks.end(), has_failed);
  if (!started_ && failed != chunks.end()) return fail(failure_of(*failed), "");

  std::string events;
  if (options_.stream && !started_) {
    started_ = true;
    for (const Running& running : running_) {
      for (const auto& event : format_->start_events(running.choice)) events += to_event(event);
    }
  }
  for (size_t i = 0; i < chunks.size(); ++i) {
    if (!chunks[i].empty() && !has_failed(chunks[i])) take(running_[i], chunks[i], events);
  }
  if (failed != chunks.end()) return fail(failure_of(*failed), std::move(events));
  const bool all_finished = std::all_of(
      running_.begin(), running_.end(),
      [](const Running& running) { return running.choice.finish != FinishReason::kNone; });
  if (all_finished) return finish(std::move(events));
  part.events = std::move(events);
  return part;
}

void Answer::take(Running& running, const GenerationChunk& chunk, std::string& events) {
  Choice& choice = running.choice;
  choice.usage = running.stream->usage();
  metrics_.count_intervals(chunk.token_intervals);
  if (chunk.finish != FinishReason::kNone) {
    choice.finish = chunk.finish;
    metrics_.count_finish(running.stream->usage(), running.stream->timings());
  }
  if (options_.stream) {
    for (const auto& event : format_->events(choice, chunk)) events += to_event(event);
    return;
  }
  choice.text += chunk.text;
  choice.tokens.insert(choice.tokens.end(), chunk.tokens.begin(), chunk.tokens.end());
  append(choice.prompt_logprobs, chunk.prompt_logprobs);
  append(choice.logprobs, chunk.logprobs);
}

ReplyPart Answer::fail(const Status& status, std::string events) {
  ended_ = true;
  const ApiError failure = to_api_error(status, generator_->retry_after_seconds());
  ReplyPart part;
  part.last = true;
  if (started_ || header_sent_) {
    part.events = std::move(events) + "data: " + error_body(failure) + "\n\n" + kDone;
  } else {
    part.reply = to_reply(failure);
  }
  running_.clear();  // what still runs would be for nobody
  return part;
}

void Answer::count_prompts() {
  const auto choices = static_cast<size_t>(options_.choice_count);
  for (size_t first = 0; first < running_.size(); first += choices) {
    int longest = 0;
    for (size_t i = first; i < first + choices; ++i) {
      longest = std::max(longest, running_[i].choice.usage.completion_tokens);
    }
    metrics_.count_prompt_finish(options_.choice_count, longest);
  }
}

ReplyPart Answer::finish(std::string events) {
  ended_ = true;
  count_prompts();
  ReplyPart part;
  part.last = true;
  if (options_.stream) {
    if (options_.include_usage) events += to_event(format_->usage_event(usage()));
    part.events = std::move(events) + kDone;
    return part;
  }
  std::vector<Choice> choices;
  std::transform(running_.begin(), running_.end(), std::back_inserter(choices),
                 [](Running& running) { return std::move(running.choice); });
  part.reply.emplace();
  part.reply->body = dump_json(format_->whole(choices, usage()));
  return part;
}

// A prompt counts once, however many choices answer it.
GenerationUsage Answer::usage() const {
  GenerationUsage total;
  for (size_t i = 0; i < running_.size(); ++i) {
    const GenerationUsage one = running_[i].stream->usage();
    if (i % static_cast<size_t>(options_.choice_count) == 0) {
      total.prompt_tokens += one.prompt_tokens;
    }
    total.completion_tokens += one.completion_tokens;
  }
  return total;
}

}  // namespace puna
