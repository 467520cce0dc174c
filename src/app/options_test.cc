// From arguments, environment and config file to plain data.

#include "app/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace puna {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "puna");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

ServeOptions serve_options(const std::vector<const char*>& arguments) {
  const CommandLine line = parse(arguments);
  const auto* options = std::get_if<ServeOptions>(&line.command);
  if (options == nullptr) ADD_FAILURE() << std::get<ExitCommand>(line.command).text;
  return options == nullptr ? ServeOptions{} : *options;
}

ExitCommand exit_of(const std::vector<const char*>& arguments) {
  const CommandLine line = parse(arguments);
  const auto* exit = std::get_if<ExitCommand>(&line.command);
  EXPECT_NE(exit, nullptr);
  return exit == nullptr ? ExitCommand{} : *exit;
}

class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~EnvironmentVariable() { unsetenv(name_); }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const char* name_;
};

class ConfigFile {
 public:
  explicit ConfigFile(std::string_view text)
      : path_(std::filesystem::temp_directory_path() /
              (std::string("puna_options_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".toml")) {
    std::ofstream(path_) << text;
  }
  ~ConfigFile() { std::filesystem::remove(path_); }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;
  const char* name() const { return path_.c_str(); }

 private:
  std::filesystem::path path_;
};

TEST(Options, ServeListensOnLoopbackByDefault) {
  const ServeOptions options = serve_options({"serve"});
  EXPECT_EQ(options.host, "127.0.0.1");
  EXPECT_EQ(options.port, 8000);
  EXPECT_TRUE(options.api_keys.empty());
  EXPECT_FALSE(options.insecure_no_auth);
}

TEST(Options, ThePrefixCacheIsOnUnlessItIsSwitchedOffInVllmsWords) {
  EXPECT_TRUE(serve_options({"serve"}).model.enable_prefix_caching);
  EXPECT_TRUE(serve_options({"serve", "--enable-prefix-caching"}).model.enable_prefix_caching);
  EXPECT_FALSE(serve_options({"serve", "--no-enable-prefix-caching"}).model.enable_prefix_caching);
  const EnvironmentVariable variable("PUNA_ENABLE_PREFIX_CACHING", "false");
  EXPECT_FALSE(serve_options({"serve"}).model.enable_prefix_caching);
  const ConfigFile file("enable-prefix-caching = true\n");
  EXPECT_FALSE(serve_options({"serve", "--config", file.name()}).model.enable_prefix_caching);
}

TEST(Options, SpeculationIsOnUnlessItIsSwitchedOff) {
  EXPECT_TRUE(serve_options({"serve"}).model.speculation);
  EXPECT_FALSE(serve_options({"serve", "--no-speculation"}).model.speculation);
  EXPECT_EQ(serve_options({"serve", "--speculative-config", "{}"}).model.speculative_config, "{}");
  const EnvironmentVariable variable("PUNA_SPECULATION", "false");
  EXPECT_FALSE(serve_options({"serve"}).model.speculation);
}

TEST(Options, TheDefaultLengthOfAnswersHasTwoNamesAndOneVariable) {
  EXPECT_EQ(serve_options({"serve"}).model.default_max_tokens, 0);
  EXPECT_EQ(serve_options({"serve", "--default-max-tokens", "400"}).model.default_max_tokens, 400);
  EXPECT_EQ(serve_options({"serve", "--n-predict", "300"}).model.default_max_tokens, 300);
  const EnvironmentVariable variable("PUNA_DEFAULT_MAX_TOKENS", "200");
  EXPECT_EQ(serve_options({"serve"}).model.default_max_tokens, 200);
  EXPECT_THAT(exit_of({"serve", "--default-max-tokens", "-1"}).text,
              HasSubstr("--default-max-tokens"));
}

TEST(Options, TheModelIsAnArgumentAndAdaptersMayBeRepeated) {
  const ServeOptions options =
      serve_options({"serve", "model.gguf", "--adapter", "one", "--adapter", "two"});
  EXPECT_EQ(options.model.model, "model.gguf");
  EXPECT_THAT(options.model.adapters, ElementsAre("one", "two"));
}

TEST(Options, AFlagTakesOneValueAndLeavesTheModelAlone) {
  const ServeOptions options =
      serve_options({"serve", "--adapter", "one", "--api-key", "secret", "model.gguf"});
  EXPECT_EQ(options.model.model, "model.gguf");
  EXPECT_THAT(options.model.adapters, ElementsAre("one"));
  EXPECT_THAT(options.api_keys, ElementsAre("secret"));
}

TEST(Options, SizesMayHaveUnits) {
  EXPECT_EQ(serve_options({"serve", "--kv-cache-dtype", "int8"}).model.kv_cache_dtype, "int8");
  EXPECT_EQ(serve_options({"serve", "--kv-cache-memory-bytes", "2GiB"}).model.kv_cache_memory_bytes,
            int64_t{2} << 30);
  EXPECT_EQ(serve_options({"serve", "--max-body-bytes", "1MiB"}).max_body_bytes, 1 << 20);
}

TEST(Options, TheCommandLineBeatsTheEnvironmentBeatsTheFile) {
  const ConfigFile file("port = 1\nmax-num-seqs = 2\nhost = \"127.0.0.9\"\n");
  const EnvironmentVariable port("PUNA_PORT", "3");
  const EnvironmentVariable seqs("PUNA_MAX_NUM_SEQS", "4");
  const ServeOptions options =
      serve_options({"serve", "--config", file.name(), "--max-num-seqs", "5"});
  EXPECT_EQ(options.host, "127.0.0.9");
  EXPECT_EQ(options.port, 3);
  EXPECT_EQ(options.model.max_num_seqs, 5);
}

TEST(Options, TheModelMayComeFromTheFileToo) {
  const ConfigFile file("model = \"from_file\"\nadapter = [\"one\", \"two\"]\n");
  const ServeOptions from_file = serve_options({"serve", "--config", file.name()});
  EXPECT_EQ(from_file.model.model, "from_file");
  EXPECT_THAT(from_file.model.adapters, ElementsAre("one", "two"));
  EXPECT_EQ(serve_options({"serve", "given", "--config", file.name()}).model.model, "given");
  const EnvironmentVariable model("PUNA_MODEL", "from_environment");
  EXPECT_EQ(serve_options({"serve", "--config", file.name()}).model.model, "from_environment");
}

TEST(Options, AnEmptyVariableIsNone) {
  const EnvironmentVariable port("PUNA_PORT", "");
  EXPECT_EQ(serve_options({"serve"}).port, 8000);
}

TEST(Options, ABadValueIsNamedWithWhatSetIt) {
  const EnvironmentVariable port("PUNA_PORT", "many");
  const ExitCommand exit = exit_of({"serve"});
  EXPECT_EQ(exit.code, 2);
  EXPECT_THAT(exit.text, AllOf(HasSubstr("PUNA_PORT"), HasSubstr("many")));
  EXPECT_EQ(serve_options({"serve", "--port", "5"}).port, 5);
  const ConfigFile file("max-num-seqs = 0\n");
  EXPECT_THAT(exit_of({"serve", "--port", "5", "--config", file.name()}).text,
              AllOf(HasSubstr(file.name()), HasSubstr("--max-num-seqs")));
}

TEST(Options, KubernetesMayTellOfAServiceNamedPuna) {
  const EnvironmentVariable port("PUNA_PORT", "tcp://10.96.0.7:8000");
  const EnvironmentVariable host("PUNA_SERVICE_HOST", "10.96.0.7");
  const CommandLine line = parse({"serve"});
  EXPECT_EQ(std::get<ServeOptions>(line.command).port, 8000);
  ASSERT_EQ(line.warnings.size(), 1u);
  EXPECT_THAT(line.warnings[0], HasSubstr("PUNA_PORT"));
}

TEST(Options, VariablesOfAServerEndNothingElse) {
  const EnvironmentVariable level("PUNA_LOG_LEVEL", "shout");
  const EnvironmentVariable weights("PUNA_WEIGHTS", "int3"), port("PUNA_PORT", "many");
  EXPECT_EQ(exit_of({"serve", "--help"}).code, 0);
  EXPECT_EQ(exit_of({"pull", "--help"}).code, 0);
  EXPECT_EQ(exit_of({"--help"}).code, 0);
  const EnvironmentVariable again("PUNA_LOG_LEVEL", "shout"), still("PUNA_PORT", "many");
  const CommandLine line = parse({"inspect", "somewhere"});
  EXPECT_TRUE(std::holds_alternative<InspectCommand>(line.command));
  EXPECT_EQ(line.warnings.size(), 1u);
}

TEST(Options, AnUnknownNameInTheConfigFileIsRefused) {
  const ConfigFile file("host = \"127.0.0.9\"\nbackend = \"fake\"\nport = 0\nprot = 1\n");
  const ExitCommand exit = exit_of({"serve", "--config", file.name()});
  EXPECT_EQ(exit.code, 2);
  EXPECT_THAT(exit.text, HasSubstr(std::string("--config ") + file.name() + ":"));
  EXPECT_THAT(exit.text, HasSubstr("--prot"));
}

TEST(Options, ASectionInTheConfigFileIsRefusedByItsName) {
  const ConfigFile file("[serve]\nport = 1\n");
  const ExitCommand exit = exit_of({"serve", "--config", file.name()});
  EXPECT_EQ(exit.code, 2);
  EXPECT_THAT(exit.text, HasSubstr("[serve]"));
}

TEST(Options, WrongUsageIsTwoAndNamesWhatWasMeant) {
  const ExitCommand exit = exit_of({"serve", "--prot", "1"});
  EXPECT_EQ(exit.code, 2);
  EXPECT_THAT(exit.text, HasSubstr("did you mean --port?"));
  EXPECT_EQ(std::count(exit.text.begin(), exit.text.end(), '\n'), 1);
  EXPECT_EQ(exit_of({"serve", "--weights", "int3"}).code, 2);
  EXPECT_EQ(exit_of({"serve", "--max-num-seqs", "0"}).code, 2);
  EXPECT_EQ(exit_of({}).code, 2);
}

TEST(Options, HelpOfACommandListsItsFlagsAndVariables) {
  const ExitCommand exit = exit_of({"serve", "--help"});
  EXPECT_EQ(exit.code, 0);
  EXPECT_THAT(exit.text, HasSubstr("Usage: puna serve"));
  EXPECT_THAT(exit.text, HasSubstr("PUNA_MAX_MODEL_LEN"));
  EXPECT_THAT(exit.text, HasSubstr("Example: puna serve"));
}

TEST(Options, TheManualHasWhatHelpHas) {
  const ExitCommand manual = exit_of({"man"});
  EXPECT_EQ(manual.code, 0);
  EXPECT_THAT(manual.text, AllOf(HasSubstr(".TH PUNA 1"), HasSubstr("PUNA_MAX_MODEL_LEN"),
                                 HasSubstr("\\-\\-weights f32|bf16|int8|int4"),
                                 HasSubstr("Default: 8000"), HasSubstr("NO_COLOR")));
  for (const char* command : {"serve", "chat", "pull", "quantize", "inspect", "bench", "plan"}) {
    EXPECT_THAT(manual.text, HasSubstr(std::string(".SS puna ") + command));
  }
}

TEST(Options, OnlyCommandsThatExistAreTaken) {
  EXPECT_THAT(exit_of({"list"}).text, HasSubstr("there is no command list"));
  EXPECT_EQ(exit_of({"list"}).code, 2);
}

TEST(Options, AQuestionMayFollowTheModel) {
  const CommandLine line = parse({"chat", "model.gguf", "Why?"});
  const auto& chat = std::get<ChatOptions>(line.command);
  EXPECT_EQ(chat.model.model, "model.gguf");
  EXPECT_EQ(chat.prompt, "Why?");
  EXPECT_EQ(line.log_level, LogLevel::kWarning);
}

TEST(Options, VersionIsTheProjects) {
  EXPECT_EQ(exit_of({"--version"}).text, std::string("puna ") + kVersion + "\n");
}

TEST(Options, TheLogLevelIsOfEveryCommand) {
  EXPECT_EQ(parse({"chat", "--log-level", "error"}).log_level, LogLevel::kError);
  EXPECT_EQ(parse({"inspect", "m", "--log-level", "debug"}).log_level, LogLevel::kDebug);
}

}  // namespace
}  // namespace puna
