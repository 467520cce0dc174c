// GenerationRequest: what a client asked for, after JSON and before tokens. Plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/request_origin.h"
#include "base/status.h"
#include "engine/sampling_params.h"
#include "tokenizer/chat_message.h"

namespace puna {

inline constexpr size_t kStopStringsMax = 16;
inline constexpr size_t kStopStringBytesMax = 256;
inline constexpr size_t kBadWordBytesMax = 256;
inline constexpr size_t kCacheSaltBytesMax = 1024;

using ChatMessages = std::vector<ChatMessage>;
using TokenIds = std::vector<TokenId>;

// What becomes of a conversation that is too long.
enum class Truncation {
  kDisabled,         // it is refused
  kDropOldestTurns,  // system messages and the newest turns are answered
};

// How messages become a prompt.
struct ChatRendering {
  bool add_generation_prompt = true;     // the template begins the answer
  bool continue_final_message = false;   // the prompt ends inside the last message
  std::optional<Truncation> truncation;  // empty: the server's
  Json variables;  // an object or null: what the template reads besides, by declared names
};

struct GenerationRequest {
  // Messages go through the chat template, text gets BOS if the tokenizer adds one, ids are taken
  // as they are.
  using Prompt = std::variant<ChatMessages, std::string, TokenIds>;
  Prompt prompt;
  std::string prompt_field = "prompt";        // what errors call it
  ChatRendering chat;                         // of messages
  bool add_special_tokens = true;             // of text: BOS
  std::optional<int> truncate_prompt_tokens;  // only the last so many; -1: as many as fit
  // Sampling fields the client left out are filled from Generator::default_sampling() by the
  // caller.
  SamplingParams sampling;
  bool max_tokens_given = false;  // false: up to the end of the model's length
  std::vector<std::string> stop;
  bool include_stop_in_output = false;
  std::vector<std::string> bad_words;  // become tokens, with and without a space in front
  bool skip_special_tokens = true;     // control tokens stand for no text
  int priority = 0;  // the smaller is served first, where the server has priorities
  std::optional<double> timeout_seconds;  // from its arrival; origin.deadline may come first
  std::string cache_salt;  // what was computed of its prompt serves requests with an equal one only
  RequestOrigin origin;
};

// What a request's prompt becomes: made once, however many choices answer it. Cheap to copy.
struct TokenizedPrompt {
  std::shared_ptr<const TokenIds> tokens;
  std::shared_ptr<const std::vector<TokenIds>> bad_words = {};
  // The answer is a text of its own (a chat turn) and does not continue the prompt's words.
  bool answer_begins_text = false;
  // It came as text, in which begin tokens have no part; else its text is made of its ids.
  bool is_text = false;
  int dropped_messages = 0;                      // that were too much
  std::shared_ptr<const void> queue_claim = {};  // holds its tokens in the queue until it begins
};

// kDeadline: its time ran out; what there is of it counts as one that was cut at its length.
enum class FinishReason { kNone, kStop, kLength, kDeadline, kCancelled, kError };
const char* describe(FinishReason reason);  // "stop", "length" (twice), "cancelled", "error"

Status validate_stop(const std::vector<std::string>& stop);

struct TokenLogprob {
  TokenId token = 0;
  std::string piece;       // bytes the token stands for (may be a part of a character)
  size_t text_offset = 0;  // characters of the prompt's or the answer's text before it
  double logprob = 0;
  int rank = 1;        // among all tokens; 1 is the likeliest
  bool exists = true;  // false for the first prompt token, which nothing predicts
  std::vector<std::pair<TokenId, double>> top;  // best first
  std::vector<std::string> top_pieces;
};

struct GenerationUsage {
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompt: not computed again
  int completion_tokens = 0;
};

struct GenerationTimings {
  std::chrono::duration<double> queued{0};       // submit to first step
  std::chrono::duration<double> first_token{0};  // submit to first token
  std::chrono::duration<double> decode{0};       // first token to last
  std::chrono::duration<double> total{0};
};

}  // namespace puna
