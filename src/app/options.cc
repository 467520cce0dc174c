// CLI11 behind options.h: declares the flags, then fills what the command line left open.

#include "app/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "app/completion.h"
#include "app/suggestion.h"
#include "base/status.h"

namespace puna {
namespace {

constexpr const char* kDescription =
    "Puna serves Llama chat models: engine, OpenAI-compatible HTTP API and chat page in one "
    "program.";
constexpr const char* kMainFooter =
    "MODEL is a folder in Hugging Face layout, a .gguf file, or a hub repository id.\n\n"
    "Examples:\n"
    "  puna serve                                  serve the demo model and its chat page\n"
    "  puna serve ./Llama-2-7b-chat-hf --port 8080\n"
    "  puna chat HuggingFaceTB/SmolLM2-135M-Instruct\n"
    "  puna inspect model.gguf --json\n\n"
    "'puna COMMAND --help' lists the flags of a command, their environment variables and "
    "defaults.\n";

// PUNA_MAX_MODEL_LEN for --max-model-len.
std::string environment_name(std::string flag) {
  std::string name = "PUNA_";
  for (const char letter : flag.substr(flag.find_first_not_of('-'))) {
    name.push_back(letter == '-' ? '_' : static_cast<char>(std::toupper(letter)));
  }
  return name;
}

// Every flag is declared through these, so that each one has its environment variable.
template <typename Value>
CLI::Option* add_option(CLI::App& command, const std::string& flag, Value& value,
                        const std::string& help) {
  return command.add_option(flag, value, help)->envname(environment_name(flag));
}
CLI::Option* add_switch(CLI::App& command, const std::string& flag, bool& value,
                        const std::string& help) {
  return command.add_flag(flag, value, help)->envname(environment_name(flag));
}

void add_common_flags(CLI::App& command, std::string& config_file) {
  add_option(command, "--config", config_file, "File of \"flag = value\" lines (TOML)");
}

void add_model_flags(CLI::App& command, ModelOptions& options) {
  command
      .add_option("model", options.model,
                  "Folder, .gguf file or hub repository id (none: the demo model)")
      ->type_name("MODEL")
      ->envname("PUNA_MODEL");
  add_option(command, "--revision", options.revision, "Branch, tag or commit of a hub repository")
      ->type_name("REV");
  add_option(command, "--adapter", options.adapters, "LoRA adapter folder (PEFT), merged at load")
      ->type_name("PATH");
  add_option(command, "--chat-template", options.chat_template,
             "llama-2, chatml, llama-3 or a Jinja file (none: the checkpoint's own)");
  add_option(command, "--override-generation-config", options.override_generation_config,
             "Default sampling as JSON, e.g. '{\"temperature\": 0}'");
  add_option(command, "--backend", options.backend, "Where the model runs")
      ->check(CLI::IsMember({"cpu", "fake"}))
      ->capture_default_str();
  add_option(command, "--weights", options.weights,
             "How weights are held: f32, bf16, int8 (none: chosen from memory and checkpoint)")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}));
  add_option(command, "--threads", options.threads, "CPU threads (0: all usable cores)")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  add_option(command, "--max-model-len", options.max_model_len,
             "Prompt and answer together, in tokens (0: the model's own)")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  add_option(command, "--max-num-seqs", options.max_num_seqs, "Sequences that run at once")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  add_option(command, "--max-num-batched-tokens", options.max_num_batched_tokens,
             "Tokens in one step")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  add_option(command, "--max-num-queued-reqs", options.max_num_queued_reqs,
             "Requests that may wait; more are answered 503 with Retry-After")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  add_option(
      command, "--kv-cache-memory-bytes", options.kv_cache_memory_bytes,
      "Memory for keys and values (0: chosen from free memory; 512MB and 2GiB are understood)")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  add_option(command, "--fake-step-microseconds", options.fake_step_microseconds,
             "How long a step of the fake backend takes")
      ->check(CLI::Range(0, 10000000))
      ->group("Testing");
  add_switch(command, "--accept-license", options.accept_license,
             "Accept the model's licence without being asked (Meta's Llama weights)");
}

void add_serve_flags(CLI::App& command, ServeOptions& options) {
  add_model_flags(command, options.model);
  add_option(command, "--host", options.host, "Address to listen on")->capture_default_str();
  add_option(command, "--port", options.port, "Port to listen on (0: any free one)")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  add_option(command, "--port-fd", options.port_fd, "Write the port to this descriptor when open");
  add_switch(command, "--watch-stdin", options.watch_stdin, "End when standard input is closed");
  add_option(command, "--api-key", options.api_keys,
             "Key that clients must send (may be repeated; PUNA_API_KEY keeps it out of 'ps')");
  add_option(command, "--api-key-file", options.api_key_file, "File with one key a line");
  add_switch(command, "--insecure-no-auth", options.insecure_no_auth,
             "Serve other machines without any key");
  add_option(command, "--allowed-origins", options.allowed_origins,
             "Web origins that may call the API (CORS); * for any");
  add_option(command, "--served-model-name", options.served_model_name,
             "Name in /v1/models (none: the model's folder or file name)");
  add_option(command, "--shutdown-timeout", options.shutdown_timeout_seconds,
             "Seconds that running answers get after SIGTERM")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  add_option(command, "--max-body-bytes", options.max_body_bytes, "Largest request body")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  add_option(command, "--page-title", options.page_title, "Title of the chat page");
  add_option(command, "--system-prompt-file", options.system_prompt_file,
             "System prompt that the chat page starts with");
  add_option(command, "--examples-file", options.examples_file,
             "JSON list of example questions for the chat page");
}

void add_chat_flags(CLI::App& command, ChatOptions& options) {
  add_model_flags(command, options.model);
  add_option(command, "--system-prompt", options.system_prompt, "System prompt");
  add_option(command, "--temperature", options.temperature, "0 is greedy (none: the model's own)")
      ->check(CLI::Range(0.0, 2.0));
  add_option(command, "--max-tokens", options.max_tokens, "Tokens in one answer")
      ->check(CLI::Range(1, 1 << 24));
  add_option(command, "--seed", options.seed, "Same seed, same answers");
}

// nullptr when there is no such command.
const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

struct Parsed {
  ServeOptions serve;
  ChatOptions chat;
  PullCommand pull;
  InspectCommand inspect;
  std::string completion_shell;
  std::string config_file;
  std::string log_level = "info";
};

void declare(CLI::App& app, Parsed& parsed) {
  app.set_version_flag("--version", std::string("puna ") + kVersion);
  app.footer(kMainFooter);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);

  CLI::App* serve = app.add_subcommand("serve", "HTTP API and chat page");
  add_serve_flags(*serve, parsed.serve);
  serve->footer("Example: puna serve ./my-model --host 0.0.0.0 --api-key-file keys.txt");
  CLI::App* chat = app.add_subcommand("chat", "Chat in the terminal");
  add_chat_flags(*chat, parsed.chat);
  chat->footer("Example: puna chat --system-prompt 'You are a pirate.'");
  CLI::App* pull = app.add_subcommand("pull", "Fetch a model into the Hugging Face cache");
  pull->add_option("repo", parsed.pull.repo, "Repository id, e.g. meta-llama/Llama-2-7b-chat-hf")
      ->type_name("REPO")
      ->required();
  add_option(*pull, "--revision", parsed.pull.revision, "Branch, tag or commit")
      ->capture_default_str();
  add_option(*pull, "--file", parsed.pull.file, "Fetch this file only (a .gguf of several)");
  add_switch(*pull, "--accept-license", parsed.pull.accept_license,
             "Accept the model's licence without being asked");
  pull->footer("Honours HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE.");
  CLI::App* inspect = app.add_subcommand("inspect", "Say what is in a checkpoint");
  inspect->add_option("path", parsed.inspect.path, "Folder, .gguf file or hub repository id")
      ->type_name("MODEL")
      ->required();
  add_option(*inspect, "--adapter", parsed.inspect.adapters, "LoRA adapter folder (PEFT)");
  add_switch(*inspect, "--json", parsed.inspect.json, "Print JSON");
  CLI::App* completion = app.add_subcommand("completion", "Print a shell completion script");
  completion->add_option("shell", parsed.completion_shell, "bash or zsh")
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->required();
  completion->footer("bash: source <(puna completion bash)    zsh: source <(puna completion zsh)");

  for (CLI::App* command : {serve, chat, pull, inspect}) {
    add_common_flags(*command, parsed.config_file);
    add_option(*command, "--log-level", parsed.log_level, "debug, info, warning, error or off")
        ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
        ->capture_default_str();
  }
}

// Appends "--flag=value" for what the command line does not say: first from the environment, then
// from the config file. CLI11's own order would let the file beat the environment.
class Defaults {
 public:
  Defaults(const CLI::App& command, std::vector<std::string>& arguments)
      : command_(command), arguments_(arguments) {}

  void add_environment() {
    for (const CLI::Option* option : flags()) {
      const char* value = std::getenv(option->get_envname().c_str());
      if (value != nullptr) add(*option, {value});
    }
  }

  Status add_config_file(const std::string& path) {
    std::vector<CLI::ConfigItem> items;
    try {
      items = CLI::ConfigTOML().from_file(path);
    } catch (const CLI::Error& failure) {
      return invalid_argument("--config {}: {}", path, failure.what());
    }
    for (const CLI::ConfigItem& item : items) {
      const std::vector<const CLI::Option*> all = flags();
      const auto option = std::find_if(all.begin(), all.end(), [&](const CLI::Option* candidate) {
        return candidate->get_lnames()[0] == item.name;
      });
      if (!item.parents.empty() || option == all.end()) {
        return invalid_argument("--config {}: 'puna {}' has no flag --{}", path,
                                command_.get_name(), item.fullname());
      }
      add(**option, item.inputs);
    }
    return {};
  }

 private:
  std::vector<const CLI::Option*> flags() const {
    return command_.get_options([](const CLI::Option* option) {
      return !option->get_envname().empty() && !option->get_lnames().empty();
    });
  }

  void add(const CLI::Option& option, const std::vector<std::string>& values) {
    const std::string flag = "--" + option.get_lnames()[0];
    const bool given = std::any_of(arguments_.begin(), arguments_.end(), [&](const auto& argument) {
      return argument == flag || argument.starts_with(flag + "=");
    });
    if (given) return;
    for (const std::string& value : values) arguments_.push_back(flag + "=" + value);
  }

  const CLI::App& command_;
  std::vector<std::string>& arguments_;
};

Status complete_arguments(const CLI::App& app, std::vector<std::string>& arguments) {
  if (arguments.empty()) return {};
  const CLI::App* command = find_command(app, arguments[0]);
  if (command == nullptr) return {};
  Defaults defaults(*command, arguments);
  defaults.add_environment();
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument.starts_with("--config=")) return defaults.add_config_file(argument.substr(9));
    if (argument == "--config" && i + 1 < arguments.size()) {
      return defaults.add_config_file(arguments[i + 1]);
    }
  }
  return {};
}

// The first unknown word of the command line with the nearest known one.
std::string advice(const CLI::App& app, const std::vector<std::string>& arguments) {
  if (arguments.empty()) return "";
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());
  const CLI::App* command = find_command(app, arguments[0]);
  if (command == nullptr) return suggestion(arguments[0], commands);
  std::vector<std::string> flags;
  for (const CLI::Option* option : command->get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  for (const std::string& argument : arguments) {
    const std::string word = argument.substr(0, argument.find('='));
    const bool known = std::find(flags.begin(), flags.end(), word) != flags.end();
    if (word.starts_with("--") && !known) return suggestion(word, flags);
  }
  return "";
}

// With the process's own exit codes: 0 for --help and --version, 2 for wrong usage.
ExitCommand exit_command(const CLI::App& app, const CLI::ParseError& error,
                         const std::vector<std::string>& arguments) {
  if (error.get_exit_code() == 0) {
    if (dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr)
      return {error.what() + std::string("\n"), 0};
    const CLI::App* command = &app;
    for (const CLI::App* chosen : app.get_subcommands()) command = chosen;
    return {command->help(), 0};
  }
  std::string text = fmt::format("error: {}{}\n", error.what(), advice(app, arguments));
  const bool has_command = !app.get_subcommands().empty();
  text += fmt::format("Run 'puna {}--help' for what is possible.\n",
                      has_command ? app.get_subcommands()[0]->get_name() + " " : "");
  return {text, 2};
}

std::string completion_script(const CLI::App& app, const std::string& shell) {
  std::vector<CompletionWords> commands;
  for (const CLI::App* command : app.get_subcommands({})) {
    CompletionWords words{.command = command->get_name(), .flags = {}};
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) words.flags.push_back("--" + name);
    }
    commands.push_back(words);
  }
  return shell == "bash" ? bash_completion(commands) : zsh_completion(commands);
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CLI::App app(kDescription, "puna");
  Parsed parsed;
  declare(app, parsed);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (const Status status = complete_arguments(app, arguments); !status.ok()) {
    return {ExitCommand{fmt::format("error: {}\n", status.message()), 2}, LogLevel::kInfo};
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return {exit_command(app, error, arguments), LogLevel::kInfo};
  }
  const LogLevel log_level = parse_log_level(parsed.log_level).value_or(LogLevel::kInfo);
  const std::string name = app.get_subcommands()[0]->get_name();
  if (name == "serve") return {parsed.serve, log_level};
  if (name == "chat") return {parsed.chat, log_level};
  if (name == "pull") return {parsed.pull, log_level};
  if (name == "inspect") return {parsed.inspect, log_level};
  return {ExitCommand{completion_script(app, parsed.completion_shell), 0}, log_level};
}

}  // namespace puna
