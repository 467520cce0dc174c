// Messages in, a prompt out; the interpreter is in jinja_*.

#include "tokenizer/chat_template.h"

#include <algorithm>
#include <iterator>

#include "jinja/free_names.h"
#include "jinja/from_json.h"
#include "jinja/lexer.h"
#include "jinja/parser.h"
#include "jinja/renderer.h"
#include "tokenizer/built_in_templates.h"

namespace puna {
namespace {

// What every rendering has.
constexpr std::string_view kReserved[] = {"messages", "add_generation_prompt", "bos_token",
                                          "eos_token", "tools"};

constexpr const char* kAdvice =
    "choose another one with --chat-template llama-2, chatml, llama-3 or a file";

// By the marks that the families' templates write.
std::string_view guess_format(std::string_view source) {
  if (source.find("<|im_start|>") != source.npos) return "chatml";
  if (source.find("<|start_header_id|>") != source.npos) return "llama-3";
  if (source.find("[INST]") != source.npos) return "llama-2";
  return "custom";
}

// Roles that the API knows are its own words, so that they may be part of a mark ("<|" + role +
// "|>"); any other text is the client's.
constexpr std::string_view kRoles[] = {"system", "user", "assistant", "tool"};

jinja::Value message_value(const ChatMessage& message) {
  using jinja::make_text;
  const bool is_known =
      std::find(std::begin(kRoles), std::end(kRoles), message.role) != std::end(kRoles);
  const char role_mark = is_known ? jinja::kFromTemplate : jinja::kFromMessage;
  std::vector<std::pair<jinja::Value, jinja::Value>> entries = {
      {make_text("role"), make_text(jinja::MarkedText(message.role, role_mark))},
      {make_text("content"), make_text(jinja::MarkedText(message.content, jinja::kFromMessage))}};
  for (const auto& [name, value] : message.extra.items()) {
    entries.emplace_back(make_text(jinja::MarkedText(name, jinja::kFromMessage)),
                         jinja::from_json(value));
  }
  return jinja::make_dict(std::move(entries));
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
  for (const auto& [name, value] : options.variables.items()) {
    variables[name] = jinja::from_json(value);
  }
  return variables;
}

Status check_variables(const Json& variables, const std::set<std::string>& declared) {
  for (const auto& [name, unused] : variables.items()) {
    if (declared.contains(name)) continue;
    return invalid_argument("chat_template_kwargs.{}: the chat template reads no such name; {}",
                            name.substr(0, 64),
                            declared.empty()
                                ? "it reads none"
                                : fmt::format("it reads {}", fmt::join(declared, ", ")))
        .about("chat_template_kwargs." + name.substr(0, 64));
  }
  return {};
}

std::string_view stripped(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

// Where the last message's content ends, as transformers has it: what the template trims is gone.
Status end_inside_last_message(std::string_view content, PromptText& prompt) {
  const std::string_view words = stripped(content);
  if (words.empty()) {
    return invalid_argument("continue_final_message: the last message is empty; give it a word")
        .about("continue_final_message");
  }
  size_t at = prompt.text.rfind(words);
  while (at != std::string::npos && prompt.from_template[at]) {
    at = at == 0 ? std::string::npos : prompt.text.rfind(words, at - 1);
  }
  if (at == std::string::npos) {
    return invalid_argument(
               "continue_final_message: the chat template does not show the last message as it is")
        .about("continue_final_message");
  }
  const std::string_view tail = content.substr(static_cast<size_t>(words.data() - content.data()));
  const bool keeps_spaces = std::string_view(prompt.text).substr(at, tail.size()) == tail;
  prompt.text.resize(at + (keeps_spaces ? tail.size() : words.size()));
  prompt.from_template.resize(prompt.text.size());
  return {};
}

std::string literals_of(std::string_view source) {
  std::string literals;
  const auto tokens = jinja::read_tokens(source);
  if (!tokens.ok()) return literals;
  for (const jinja::Token& token : *tokens) {
    if (token.kind != jinja::TokenKind::kText && token.kind != jinja::TokenKind::kString) continue;
    literals += token.text;
    literals += '\0';
  }
  return literals;
}

}  // namespace

struct ChatTemplate::Program {
  jinja::Block statements;
  std::string literals;
  std::string origin;
  std::string_view format;
  std::set<std::string> variables;
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
  program->literals = literals_of(source);
  program->origin = origin;
  program->format = guess_format(source);
  program->variables = jinja::free_names(program->statements);
  for (const std::string_view name : kReserved) program->variables.erase(std::string(name));
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
  RETURN_IF_ERROR(check_variables(options.variables, program_->variables));
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
  if (options.continue_final_message && !messages.empty()) {
    RETURN_IF_ERROR(end_inside_last_message(messages.back().content, prompt));
  }
  return prompt;
}

const std::set<std::string>& ChatTemplate::variables() const { return program_->variables; }

const std::string& ChatTemplate::literals() const { return program_->literals; }

std::vector<PromptText> ChatTemplate::sample_prompts(const ChatTemplateOptions& options) const {
  const ChatMessage system{"system", "a"};
  const ChatMessage user{"user", "b"};
  const ChatMessage assistant{"assistant", "c"};
  const ChatMessage tool{"tool", "d"};
  const std::vector<std::vector<ChatMessage>> conversations = {
      {user},
      {system, user},
      {user, assistant, user},
      {system, user, assistant, user, assistant},
      {user, assistant, tool},
      {assistant},
      {tool}};
  std::vector<PromptText> prompts;
  for (const auto& conversation : conversations) {
    for (const bool generation : {true, false}) {
      ChatTemplateOptions sample = options;
      sample.add_generation_prompt = generation;
      auto prompt = render(conversation, sample);
      if (prompt.ok()) prompts.push_back(std::move(prompt).value());
    }
  }
  return prompts;
}

std::string_view ChatTemplate::format_name() const { return program_->format; }

}  // namespace puna
