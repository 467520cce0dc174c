// ChatTemplate: renders a conversation with the checkpoint's own Jinja template, in a small
// sandbox.
//
// The interpreter knows the subset that published Llama-family templates use. Depth, steps and
// output are bounded; no attribute, import or file is reachable. Immutable and thread-safe after
// parsing.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "tokenizer/chat_message.h"

namespace puna {

struct ChatTemplateOptions {
  bool add_generation_prompt = true;
  bool continue_final_message = false;  // the prompt ends with the last message's content
  Json variables;  // an object or null: what the template reads besides; texts are a person's
  std::string bos_token;
  std::string eos_token;
  std::string date_string;  // "26 Jul 2024" form, for Llama 3.x templates; empty: today
};

class ChatTemplate {
 public:
  // `origin` names the template in errors ("tokenizer_config.json: line 3, column 14: …").
  static Result<ChatTemplate> parse(std::string_view source, std::string_view origin);
  // "llama-2", "chatml" or "llama-3"; kNotFound lists the names.
  static Result<ChatTemplate> built_in(std::string_view name);

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // kInvalidArgument carries the text of the template's raise_exception().
  Result<PromptText> render(std::span<const ChatMessage> messages,
                            const ChatTemplateOptions& options) const;

  // What the template reads and does not set itself, besides what every rendering has: the names
  // that `variables` may have.
  const std::set<std::string>& variables() const;
  // The text between the template's tags and its string literals, for who looks for marks in it.
  const std::string& literals() const;
  // What it makes of short conversations of every role; those that it refuses are left out.
  std::vector<PromptText> sample_prompts(const ChatTemplateOptions& options) const;

  // "llama-2", "chatml", "llama-3" or "custom": what the template looks like, for people.
  std::string_view format_name() const;

 private:
  struct Program;
  explicit ChatTemplate(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
};

}  // namespace puna
