// CLI11 behind options.h: fills what the command line left open, then parses it.

#include "app/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "app/completion.h"
#include "app/options_flags.h"
#include "app/options_manual.h"
#include "base/status.h"
#include "base/suggestion.h"
#include "base/utf8.h"

namespace puna {
namespace {

constexpr const char* kDescription =
    "Puna serves Llama chat models: engine, OpenAI-compatible HTTP API and chat page in one "
    "program.";

// nullptr when there is no such command.
const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

// What CLI11 says against a value of a flag; empty when it takes it.
std::string objection(const std::string& command, const std::string& flag,
                      const std::string& value) {
  CLI::App app;
  ParsedFlags ignored;
  declare_commands(app, ignored);
  for (CLI::App* one : app.get_subcommands({})) {
    for (CLI::Option* option : one->get_options()) option->envname("");
  }
  try {
    app.parse(std::vector<std::string>{flag + "=" + value, command});  // from the last to the first
  } catch (const CLI::ParseError& error) {
    // Others are about what is missing beside it.
    const std::string text = error.what();
    if (text.find(flag) != text.npos) return text;
  }
  return "";
}

// Kubernetes tells every pod the address of a Service named puna as PUNA_PORT=tcp://10.0.0.7:8000.
bool is_service_address(std::string_view value) {
  return value.starts_with("tcp://") || value.starts_with("udp://") || value.starts_with("sctp://");
}

// Appends "--flag=value" for what the command line does not say: first from the environment, then
// from the config file. CLI11's own order would let the file beat the environment.
class Defaults {
 public:
  Defaults(const CLI::App& command, std::vector<std::string>& arguments,
           std::vector<std::string>& warnings)
      : command_(command), arguments_(arguments), warnings_(warnings) {}

  Status add_environment() {
    for (const CLI::Option* option : flags()) {
      const std::string name = option->get_envname();
      const char* value = std::getenv(name.c_str());
      if (value == nullptr || *value == '\0') continue;
      if (is_service_address(value)) {
        warnings_.push_back(
            fmt::format("{}={} is ignored: Kubernetes sets it for a Service of that name; "
                        "enableServiceLinks: false in the pod keeps it away",
                        name, value));
        ::unsetenv(name.c_str());  // or CLI11 would read it, too
        continue;
      }
      const Status added = add(*option, {value}, name);
      if (added.ok()) continue;
      // What these do is no matter of a server's variables.
      if (command_.get_name() != "inspect" && command_.get_name() != "pull") return added;
      warnings_.push_back(fmt::format("{}; it is ignored", added.message()));
      ::unsetenv(name.c_str());
    }
    return {};
  }

  // What --help says depends on no variable.
  void forget_environment() {
    for (const CLI::Option* option : flags()) ::unsetenv(option->get_envname().c_str());
  }

  Status add_config_file(const std::string& path, std::string& model) {
    std::vector<CLI::ConfigItem> items;
    try {
      items = CLI::ConfigTOML().from_file(path);
    } catch (const CLI::Error& failure) {
      return invalid_argument("--config {}: {}", path, failure.what());
    }
    for (const CLI::ConfigItem& item : items) {
      if (!item.parents.empty()) {
        return invalid_argument("--config {}: a file has no sections, and this one has [{}]", path,
                                item.parents[0]);
      }
      if (item.name == "model" && item.inputs.size() == 1 && takes_model()) {
        model = item.inputs[0];
        continue;
      }
      const std::vector<const CLI::Option*> all = flags();
      const auto option = std::find_if(all.begin(), all.end(), [&](const CLI::Option* candidate) {
        return candidate->get_lnames()[0] == item.name;
      });
      if (option == all.end()) {
        return invalid_argument("--config {}: 'puna {}' has no flag --{}", path,
                                command_.get_name(), item.name);
      }
      RETURN_IF_ERROR(add(**option, item.inputs, fmt::format("--config {}", path)));
    }
    return {};
  }

 private:
  bool takes_model() const { return command_.get_option_no_throw("model") != nullptr; }

  std::vector<const CLI::Option*> flags() const {
    return command_.get_options([](const CLI::Option* option) {
      return !option->get_envname().empty() && !option->get_lnames().empty();
    });
  }

  // `origin` is what gave the values: a variable or a file.
  Status add(const CLI::Option& option, const std::vector<std::string>& values,
             const std::string& origin) {
    const std::string flag = "--" + option.get_lnames()[0];
    const bool given = std::any_of(arguments_.begin(), arguments_.end(), [&](const auto& argument) {
      return argument == flag || argument.starts_with(flag + "=");
    });
    if (given) return {};
    for (const std::string& value : values) {
      const std::string wrong = objection(command_.get_name(), flag, value);
      if (!wrong.empty()) return invalid_argument("{}: {}", origin, wrong);
    }
    for (const std::string& value : values) arguments_.push_back(flag + "=" + value);
    return {};
  }

  const CLI::App& command_;
  std::vector<std::string>& arguments_;
  std::vector<std::string>& warnings_;
};

// FILE of "--config FILE" or "--config=FILE"; empty without it.
std::string config_path(const std::vector<std::string>& arguments) {
  constexpr std::string_view kConfig = "--config=";
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i].starts_with(kConfig)) return arguments[i].substr(kConfig.size());
    if (arguments[i] == "--config" && i + 1 < arguments.size()) return arguments[i + 1];
  }
  return "";
}

// CLI11 reads the variables of every command, also of those that nobody called.
void forget_other_variables(CLI::App& app, const std::string& called) {
  for (CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == called) continue;
    for (CLI::Option* option : command->get_options()) option->envname("");
  }
}

// `model` becomes the MODEL of the config file.
Status complete_arguments(CLI::App& app, std::vector<std::string>& arguments, std::string& model,
                          std::vector<std::string>& warnings) {
  forget_other_variables(app, arguments.empty() ? "" : arguments[0]);
  if (arguments.empty()) return {};
  const CLI::App* command = find_command(app, arguments[0]);
  if (command == nullptr) return {};
  const auto asks_for_help = [](const std::string& word) {
    return word == "--help" || word == "-h";
  };
  Defaults defaults(*command, arguments, warnings);
  if (std::any_of(arguments.begin(), arguments.end(), asks_for_help)) {
    defaults.forget_environment();
    return {};
  }
  RETURN_IF_ERROR(defaults.add_environment());
  const std::string path = config_path(arguments);
  return path.empty() ? Status() : defaults.add_config_file(path, model);
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
    return {command == &app ? app.help() : command->help("puna"), 0};
  }
  const bool has_command = !app.get_subcommands().empty();
  if (!has_command && !arguments.empty() && !arguments[0].starts_with('-')) {
    return {fmt::format("error: there is no command {}{} ('puna --help' lists them)\n",
                        escape_for_terminal(arguments[0]), advice(app, arguments)),
            2};
  }
  return {fmt::format("error: {}{} ('puna {}--help' says what is possible)\n", error.what(),
                      advice(app, arguments),
                      has_command ? app.get_subcommands()[0]->get_name() + " " : ""),
          2};
}

// The words of a "{cpu,fake}" in what CLI11 says of the option; none when anything may be said.
std::vector<std::string> known_values(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{');
  const size_t end = type.find('}', begin);
  if (end == type.npos) return {};
  return CLI::detail::split(type.substr(begin + 1, end - begin - 1), ',');
}

std::string completion_script(const CLI::App& app, const std::string& shell) {
  std::vector<CompletionWords> commands;
  for (const CLI::App* command : app.get_subcommands({})) {
    CompletionWords words{.command = command->get_name(), .flags = {}, .values = {}};
    for (const CLI::Option* option : command->get_options()) {
      const std::vector<std::string> values = known_values(*option);
      for (const std::string& name : option->get_lnames()) {
        words.flags.push_back("--" + name);
        if (!values.empty()) words.values.push_back({"--" + name, values});
      }
      const bool is_argument = option->get_lnames().empty();
      if (is_argument && !values.empty()) words.values.push_back({words.command, values});
    }
    commands.push_back(words);
  }
  if (shell == "fish") return fish_completion(commands);
  return shell == "bash" ? bash_completion(commands) : zsh_completion(commands);
}

ExitCommand manual() {
  CLI::App app(kDescription, "puna");  // that of the command line has forgotten the variables
  ParsedFlags ignored;
  declare_commands(app, ignored);
  return {manual_page(app), 0};
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CLI::App app(kDescription, "puna");
  ParsedFlags parsed;
  declare_commands(app, parsed);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  std::string config_model;
  std::vector<std::string> warnings;
  const Status completed = complete_arguments(app, arguments, config_model, warnings);
  if (!completed.ok()) {
    return {ExitCommand{fmt::format("error: {}\n", completed.message()), 2}, LogLevel::kInfo, {}};
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return {exit_command(app, error, arguments), LogLevel::kInfo, {}};
  }
  const std::string name = app.get_subcommands()[0]->get_name();
  const LogLevel log_level =
      parse_log_level(name == "chat" ? parsed.chat_log_level : parsed.log_level)
          .value_or(LogLevel::kInfo);
  for (ModelOptions* options : {&parsed.serve.model, &parsed.chat.model, &parsed.compile.model}) {
    if (options->model.empty()) options->model = config_model;
  }
  if (name == "serve") return {parsed.serve, log_level, warnings};
  if (name == "chat") return {parsed.chat, log_level, warnings};
  if (name == "pull") return {parsed.pull, log_level, warnings};
  if (name == "quantize") return {parsed.quantize, log_level, warnings};
  if (name == "compile") return {parsed.compile, log_level, warnings};
  if (name == "inspect") return {parsed.inspect, log_level, warnings};
  if (name == "devices") return {parsed.devices, log_level, warnings};
  if (name == "bench") return {parsed.bench, log_level, warnings};
  if (name == "load") return {parsed.load, log_level, warnings};
  if (name == "plan") return {parsed.plan, log_level, warnings};
  if (name == "man") return {manual(), log_level, {}};
  return {ExitCommand{completion_script(app, parsed.completion_shell), 0}, log_level, {}};
}

}  // namespace puna
