// ChatModel: who answers in a terminal chat: a model in this process, or a server's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna {

struct ChatTurn {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

// What /set changes; empty: the model's own default.
struct ChatSettings {
  std::optional<double> temperature, top_p;
  std::optional<int> top_k, max_tokens;
  std::optional<uint64_t> seed;
};

struct ChatAnswerEnd {
  std::string finish_reason;  // "stop", "length", "cancelled"
  int prompt_tokens = 0;
  int completion_tokens = 0;
  double first_token_seconds = 0;
  double tokens_per_second = 0;  // after the first; 0: not known

  // `decode_seconds`: from the first token to the last.
  void set_rate(double decode_seconds) {
    if (completion_tokens > 1 && decode_seconds > 0) {
      tokens_per_second = (completion_tokens - 1) / decode_seconds;
    }
  }
};

class ChatModel {
 public:
  // Gets each piece of the answer, and "" from time to time; false stops the answer.
  using OnText = std::function<bool(std::string_view text)>;

  virtual ~ChatModel() = default;
  // "SmolLM2-135M-Instruct, 8,192 tokens"
  virtual std::string describe() const = 0;
  virtual int max_model_len() const = 0;  // 0: not known
  virtual Result<ChatAnswerEnd> answer(const std::vector<ChatTurn>& turns,
                                       const ChatSettings& settings, const OnText& on_text) = 0;
  // Tokens of the conversation as the model would read it.
  virtual Result<int> count_tokens(const std::vector<ChatTurn>& turns) = 0;
};

}  // namespace puna
