// Messages in, a prompt out; the interpreter is in jinja_*.

#include "tokenizer/chat_template.h"

#include "jinja/parser.h"
#include "jinja/renderer.h"
#include "tokenizer/built_in_templates.h"

namespace puna {
namespace {

constexpr const char* kAdvice =
    "choose another one with --chat-template llama-2, chatml, llama-3 or a file";

// By the marks that the families' templates write.
std::string_view guess_format(std::string_view source) {
  if (source.find("<|im_start|>") != source.npos) return "chatml";
  if (source.find("<|start_header_id|>") != source.npos) return "llama-3";
  if (source.find("[INST]") != source.npos) return "llama-2";
  return "custom";
}

jinja::Value message_value(const ChatMessage& message) {
  using jinja::make_text;
  return jinja::make_dict(
      {{make_text("role"), make_text(jinja::MarkedText(message.role, jinja::kFromMessage))},
       {make_text("content"), make_text(jinja::MarkedText(message.content, jinja::kFromMessage))}});
}

jinja::Variables variables_of(std::span<const ChatMessage> messages,
                              const ChatTemplateOptions& options) {
  std::vector<jinja::Value> list;
  for (const ChatMessage& message : messages) list.push_back(message_value(message));
  jinja::Variables variables;
  variables["messages"] = jinja::make_list(std::move(list));
  variables["add_generation_prompt"] = jinja::make_bool(options.add_generation_prompt);
  variables["bos_token"] = jinja::make_text(options.bos_token);
  variables["eos_token"] = jinja::make_text(options.eos_token);
  variables["tools"] = jinja::make_none();
  variables["documents"] = jinja::make_none();
  if (!options.date_string.empty()) {
    variables["date_string"] = jinja::make_text(options.date_string);
  }
  return variables;
}

}  // namespace

struct ChatTemplate::Program {
  jinja::Block statements;
  std::string origin;
  std::string_view format;
};

ChatTemplate::ChatTemplate(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::parse(std::string_view source, std::string_view origin) {
  auto statements = jinja::parse_template(source);
  if (!statements.ok()) {
    return invalid_argument("{}: {}; {}", origin, statements.status().message(), kAdvice);
  }
  auto program = std::make_unique<Program>();
  program->statements = std::move(statements).value();
  program->origin = origin;
  program->format = guess_format(source);
  return ChatTemplate(std::move(program));
}

Result<ChatTemplate> ChatTemplate::built_in(std::string_view name) {
  for (const BuiltInTemplate& one : kBuiltInTemplates) {
    if (one.name == name) return parse(one.source, name);
  }
  return error(StatusCode::kNotFound,
               "--chat-template {}: no such file, and the built-in ones are llama-2, chatml and "
               "llama-3",
               name);
}

Result<PromptText> ChatTemplate::render(std::span<const ChatMessage> messages,
                                        const ChatTemplateOptions& options) const {
  const auto text = jinja::render(program_->statements, variables_of(messages, options));
  // The template's own refusal is for the client; anything else is the template's fault.
  if (text.status().code() == StatusCode::kFailedPrecondition) {
    return Status(text.status().code(),
                  fmt::format("{}: {}; {}", program_->origin, text.status().message(), kAdvice));
  }
  RETURN_IF_ERROR(text.status());
  PromptText prompt;
  prompt.text = text->bytes();
  prompt.from_template.reserve(prompt.text.size());
  for (const char mark : text->marks()) {
    prompt.from_template.push_back(mark == jinja::kFromTemplate);
  }
  return prompt;
}

std::string_view ChatTemplate::format_name() const { return program_->format; }

}  // namespace puna
