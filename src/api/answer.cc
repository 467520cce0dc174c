// Streams of text in, events or one body out.

#include "api/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "api/error_response.h"

namespace puna {
namespace {

constexpr const char* kDone = "data: [DONE]\n\n";

// Tokens that one poll() turns into JSON, so that the thread is soon free for others.
constexpr size_t kTokensAtOnce = 256;

// Why a generation ended without its answer.
Status failure_of(const GenerationChunk& chunk) {
  if (chunk.finish == FinishReason::kError) return chunk.error;
  if (chunk.finish == FinishReason::kDeadline) {
    return error(StatusCode::kDeadlineExceeded,
                 "the time that the request gave ran out before the answer began; give it more "
                 "(X-Request-Timeout, timeout), or try again when there is less to do");
  }
  return error(StatusCode::kUnavailable, "the server is shutting down; try again");
}

// ": queue position 3, about 12 s": server-sent events' form of a comment. Of several choices the
// last to begin.
std::string queue_comment(const std::vector<GenerationChunk>& chunks) {
  std::optional<QueueWait> wait;
  for (const GenerationChunk& chunk : chunks) {
    if (chunk.wait && (!wait || chunk.wait->place > wait->place)) wait = chunk.wait;
  }
  if (!wait) return "";
  if (wait->seconds <= 0) return fmt::format(": queue position {}\n\n", wait->place);
  return fmt::format(": queue position {}, about {:.0f} s\n\n", wait->place,
                     std::ceil(wait->seconds));
}

// A text as it was sent; ids, and what truncation has left, as text with its control tokens.
Result<std::string> prompt_text_of(const Generator& generator, const GenerationRequest& request,
                                   const std::vector<TokenId>& tokens) {
  const auto* text = std::get_if<std::string>(&request.prompt);
  if (text != nullptr && !request.truncate_prompt_tokens) return *text;
  return generator.detokenize(tokens, SpecialText::kShown);
}

// Log probabilities that one token of the answer, and all of the prompt, bring.
int64_t per_token(const SamplingParams& sampling) {
  return sampling.logprobs ? 1 + int64_t{*sampling.logprobs} : 0;
}
int64_t of_prompt(const SamplingParams& sampling, size_t prompt_tokens) {
  if (!sampling.prompt_logprobs) return 0;
  return static_cast<int64_t>(prompt_tokens) * (1 + int64_t{*sampling.prompt_logprobs});
}

// How long an answer may become whose length nobody gave.
int64_t open_length(const Generator& model, size_t prompt_tokens) {
  const int64_t left = model.model().max_model_len - static_cast<int64_t>(prompt_tokens);
  const int wanted = model.default_max_tokens();
  return wanted > 0 ? std::min<int64_t>(left, wanted) : left;
}

// Holds an answer to kAnswerLogprobsMax. A length that nobody gave may become shorter for it.
Status bound_logprobs(const Generator& model, const std::vector<TokenizedPrompt>& prompts,
                      int choice_count, std::vector<GenerationRequest>& requests) {
  int64_t fixed = 0, open = 0, open_rate = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const SamplingParams& sampling = requests[i].sampling;
    const size_t prompt_tokens = prompts[i].tokens->size();
    const int64_t rate = choice_count * per_token(sampling);
    fixed += choice_count * of_prompt(sampling, prompt_tokens);
    if (requests[i].max_tokens_given) {
      fixed += rate * sampling.max_tokens;
    } else {
      open += rate * open_length(model, prompt_tokens);
      open_rate += rate;
    }
  }
  if (fixed + open <= kAnswerLogprobsMax) return {};
  const int64_t room = open_rate == 0 ? 0 : (kAnswerLogprobsMax - fixed) / open_rate;
  if (room < kOpenAnswerTokensMin) {
    return invalid_argument(
               "logprobs: this answer could have {} of them, counting the alternatives, and at "
               "most {} "
               "are given at once; ask for fewer tokens (max_tokens), choices (n), prompts or "
               "logprobs",
               fixed + open, kAnswerLogprobsMax)
        .about("logprobs");
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].max_tokens_given) continue;
    const int64_t length = open_length(model, prompts[i].tokens->size());
    requests[i].sampling.max_tokens = static_cast<int>(std::min(length, room));
    requests[i].max_tokens_given = true;
  }
  return {};
}

// Tokens that a request may use, and of answers whose length nobody gave only the first.
struct TokensAsked {
  int64_t most = 0, certain = 0;
};

TokensAsked tokens_asked(const Generator& model, const std::vector<TokenizedPrompt>& prompts,
                         int choice_count, const std::vector<GenerationRequest>& requests) {
  TokensAsked asked;
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto prompt = static_cast<int64_t>(prompts[i].tokens->size());
    const bool given = requests[i].max_tokens_given;
    const int64_t answer =
        given ? requests[i].sampling.max_tokens : open_length(model, prompts[i].tokens->size());
    asked.most += prompt + choice_count * answer;
    asked.certain += prompt + choice_count * (given ? answer : 1);
  }
  return asked;
}

}  // namespace

std::string to_event(const OrderedJson& json) { return "data: " + dump_json(json) + "\n\n"; }

Answer::Answer(std::shared_ptr<Generator> generator, std::unique_ptr<AnswerFormat> format,
               const AnswerOptions& options, Metrics& metrics)
    : generator_(std::move(generator)),
      format_(std::move(format)),
      options_(options),
      metrics_(metrics) {}

Answer::~Answer() {
  on_ready(nullptr);
  settle();
}

Result<std::unique_ptr<Answer>> Answer::start(
    std::shared_ptr<Generator> generator, std::vector<GenerationRequest> prompts,
    std::unique_ptr<AnswerFormat> format, const AnswerOptions& options, Metrics& metrics,
    Admission& admission, const std::atomic<bool>& abandoned, std::optional<ApiError>& refusal) {
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
  RETURN_IF_ERROR(bound_logprobs(*generator, tokenized, options.choice_count, prompts));
  RETURN_IF_ERROR(generator->hold_in_queue(tokenized, options.choice_count));
  if (options.ticket != nullptr) {
    const TokensAsked asked = tokens_asked(*generator, tokenized, options.choice_count, prompts);
    refusal = options.ticket->reserve(asked.most, asked.certain);
    if (refusal) return error(StatusCode::kResourceExhausted, "{}", refusal->message);
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
  const int dropped_messages = prompt.dropped_messages;
  ASSIGN_OR_RETURN(running.stream, generator_->start(request, prompt, admission));
  running.choice.prompt_tokens = &running.stream->prompt_tokens();
  running.choice.dropped_messages = dropped_messages;
  running.choice.usage = running.stream->usage();
  metrics_.count_start(request);
  running_.push_back(std::move(running));
  return {};
}

void Answer::on_ready(const std::function<void()>& wake) {
  wake_ = wake;
  for (Running& running : running_) running.stream->on_ready(wake);
}

bool Answer::begin_events() {
  header_sent_ = options_.stream;
  return header_sent_;
}

// One chunk for each, empty for those whose turn comes when this thread has done other things.
std::vector<GenerationChunk> Answer::poll_streams() {
  std::vector<GenerationChunk> chunks(running_.size());
  size_t tokens = 0, polled = 0;
  for (; polled < running_.size() && tokens < kTokensAtOnce; ++polled) {
    GenerationChunk& chunk = chunks[next_];
    chunk = running_[next_].stream->poll();
    tokens += chunk.prompt_logprobs.size() + chunk.tokens.size();
    next_ = (next_ + 1) % running_.size();
  }
  if (polled < running_.size() && wake_) wake_();
  return chunks;
}

ReplyPart Answer::poll() {
  ReplyPart part;
  if (ended_) return part;
  const std::vector<GenerationChunk> chunks = poll_streams();
  const bool any = std::any_of(chunks.begin(), chunks.end(),
                               [](const GenerationChunk& chunk) { return !chunk.empty(); });
  if (!any) {
    if (options_.stream && !started_) part.events = queue_comment(chunks);
    header_sent_ = header_sent_ || !part.events.empty();
    return part;
  }
  // A failure in the first chunks is an HTTP status, so it is looked for before anything is said.
  const auto has_failed = [this](const GenerationChunk& chunk) {
    return chunk.finish == FinishReason::kError || chunk.finish == FinishReason::kCancelled ||
           (chunk.finish == FinishReason::kDeadline && usage().completion_tokens == 0);
  };
  const auto failed = std::find_if(chunks.begin(), chunks.end(), has_failed);
  if (!started_ && failed != chunks.end()) return fail(failure_of(*failed), "");

  std::string events;
  if (options_.stream && !started_) {
    started_ = true;
    for (const Running& running : running_) format_->add_start_events(running.choice, events);
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
    format_->add_events(choice, chunk, events);
    return;
  }
  choice.text += chunk.text;
  choice.tokens.insert(choice.tokens.end(), chunk.tokens.begin(), chunk.tokens.end());
  format_->write_lists(chunk, choice);
  if (choice.finish != FinishReason::kNone) format_->write_choice(choice);
}

// What has come is what counts, also of an answer that nobody reads to its end.
void Answer::settle() {
  if (options_.ticket == nullptr || running_.empty()) return;
  const GenerationUsage used = usage();
  options_.ticket->settle(int64_t{used.prompt_tokens} + used.completion_tokens);
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
  settle();
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
  settle();
  ReplyPart part;
  part.last = true;
  if (options_.stream) {
    if (options_.include_usage) events += to_event(format_->usage_event(usage()));
    part.events = std::move(events) + kDone;
    return part;
  }
  const bool was_cut = std::any_of(running_.begin(), running_.end(), [](const Running& running) {
    return running.choice.finish == FinishReason::kDeadline;
  });
  std::vector<Choice> choices;
  std::transform(running_.begin(), running_.end(), std::back_inserter(choices),
                 [](Running& running) { return std::move(running.choice); });
  part.reply.emplace();
  part.reply->body = format_->whole(std::move(choices), usage());
  if (was_cut) part.reply->headers.emplace_back("X-Puna-Stop-Reason", "deadline");
  return part;
}

// A prompt counts once, however many choices answer it.
GenerationUsage Answer::usage() const {
  GenerationUsage total;
  for (size_t i = 0; i < running_.size(); ++i) {
    const GenerationUsage one = running_[i].stream->usage();
    if (i % static_cast<size_t>(options_.choice_count) == 0) {
      total.prompt_tokens += one.prompt_tokens;
      total.cached_tokens += one.cached_tokens;
    }
    total.completion_tokens += one.completion_tokens;
  }
  return total;
}

}  // namespace puna
