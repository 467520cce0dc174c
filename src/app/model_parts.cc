// Wiring: files of a checkpoint -> tokenizer, chat template, the tokens that end an answer.

#include "app/model_parts.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/mapped_file.h"
#include "tokenizer/byte_tokenizer.h"
#include "tokenizer/turn_end.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

constexpr size_t kChatTemplateBytesMax = 1 << 20;

Result<ChatTemplate> open_chat_template(const std::string& choice) {
  std::error_code ignored;
  if (!fs::exists(choice, ignored)) return ChatTemplate::built_in(choice);
  ASSIGN_OR_RETURN(const std::string source, read_file(choice, kChatTemplateBytesMax));
  return ChatTemplate::parse(source, choice);
}

// Nothing when the checkpoint has no template: then only plain prompts are served.
Result<std::optional<ChatTemplate>> choose_chat_template(const std::string& choice,
                                                         const Checkpoint& checkpoint) {
  if (!choice.empty()) {
    ASSIGN_OR_RETURN(ChatTemplate chosen, open_chat_template(choice));
    return std::optional<ChatTemplate>(std::move(chosen));
  }
  if (checkpoint.chat_template.empty()) {
    log_warning("{} has no chat template; /v1/chat/completions needs --chat-template",
                checkpoint.name);
    return std::optional<ChatTemplate>();
  }
  ASSIGN_OR_RETURN(ChatTemplate own, ChatTemplate::parse(checkpoint.chat_template,
                                                         checkpoint.name + " chat_template"));
  return std::optional<ChatTemplate>(std::move(own));
}

std::string piece_or_empty(const Tokenizer& tokenizer, std::optional<TokenId> id) {
  return id ? std::string(tokenizer.token_piece(*id)) : std::string();
}

void add_new(std::vector<TokenId>& tokens, const std::vector<TokenId>& more) {
  for (const TokenId token : more) {
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
  }
}

// From what the tokenizer and the chat template say.
void complete(ModelParts& parts) {
  const Tokenizer& tokenizer = *parts.tokenizer;
  parts.bos_token = piece_or_empty(tokenizer, tokenizer.bos_id());
  parts.eos_token = piece_or_empty(tokenizer, tokenizer.eos_id());
  if (tokenizer.eos_id()) add_new(parts.end_tokens, {*tokenizer.eos_id()});
  if (!parts.chat_template) return;
  ChatTemplateOptions options;
  options.bos_token = parts.bos_token;
  options.eos_token = parts.eos_token;
  add_new(parts.end_tokens, turn_end_tokens(*parts.chat_template, tokenizer, options));
}

}  // namespace

Result<ModelParts> open_model_parts(const Checkpoint& checkpoint,
                                    const std::string& chat_template) {
  ModelParts parts;
  parts.name = checkpoint.name;
  ASSIGN_OR_RETURN(parts.tokenizer, load_tokenizer(checkpoint.tokenizer));
  ASSIGN_OR_RETURN(parts.chat_template, choose_chat_template(chat_template, checkpoint));
  parts.generation = checkpoint.generation;
  parts.end_tokens = checkpoint.config.eos_token_ids;
  for (const AdapterInfo& adapter : checkpoint.adapters) parts.adapters.push_back(adapter.name);
  complete(parts);
  return parts;
}

Status check_chat_template(const std::string& choice) {
  return choice.empty() ? Status() : open_chat_template(choice).status();
}

Result<ModelParts> fake_model_parts(const std::string& chat_template) {
  ModelParts parts;
  parts.name = "fake";
  parts.tokenizer = make_byte_tokenizer();
  ASSIGN_OR_RETURN(parts.chat_template,
                   open_chat_template(chat_template.empty() ? "chatml" : chat_template));
  complete(parts);
  return parts;
}

std::string describe_tokens(const Tokenizer& tokenizer, const std::vector<TokenId>& tokens) {
  std::vector<std::string> texts;
  for (const TokenId token : tokens) {
    const bool is_known = token >= 0 && token < tokenizer.vocabulary_size();
    texts.push_back(is_known ? fmt::format("{} ({})", tokenizer.token_piece(token), token)
                             : fmt::format("{}", token));
  }
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace puna
