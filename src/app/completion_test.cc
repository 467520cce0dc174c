// What a completion script holds; tests/terminal runs the bash one in bash.

#include "app/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna {
namespace {

using ::testing::HasSubstr;

const std::vector<CompletionWords> kCommands = {
    {"serve", {"--host", "--port"}, {{"--backend", {"cpu", "fake"}}}}, {"chat", {"--seed"}, {}}};

TEST(Completion, BothShellsOfferCommandsAndTheFlagsOfEach) {
  for (const std::string& script : {bash_completion(kCommands), zsh_completion(kCommands)}) {
    EXPECT_THAT(script, HasSubstr("serve chat --help --version"));
    EXPECT_THAT(script, HasSubstr("serve) flags='--host --port' ;;"));
    EXPECT_THAT(script, HasSubstr("'serve --backend') values='cpu fake' ;;"));
    EXPECT_THAT(script, HasSubstr("chat) flags='--seed' ;;"));
  }
}

TEST(Completion, FishHasALineForEachFlag) {
  const std::string script = fish_completion(kCommands);
  EXPECT_THAT(script, HasSubstr("-n __fish_use_subcommand -f -a 'serve chat'"));
  EXPECT_THAT(script, HasSubstr("-n '__fish_seen_subcommand_from serve' -l port\n"));
  EXPECT_THAT(script,
              HasSubstr("-n '__fish_seen_subcommand_from serve' -x -l backend -a 'cpu fake'"));
}

}  // namespace
}  // namespace puna
