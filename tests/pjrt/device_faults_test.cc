// Devices that fail: any call of the plugin in turn, a device that is lost, and what is said of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "device_model.h"

namespace puna {
namespace {

using testing::HasSubstr;

const std::vector<TokenId> kPrompt = {1, 5, 9};

// Opens, computes a prompt and three tokens.
Status do_everything(const Checkpoint& checkpoint, const BackendOptions& options) {
  ASSIGN_OR_RETURN(const auto backend, open_backend(options, &checkpoint));
  const Status ran = greedy_tokens(*backend, kPrompt, 4).status();
  EXPECT_EQ(ran.ok(), backend->health().ok()) << ran.message();
  return ran;
}

TEST(DeviceFaults, AnyCallMayFailAndIsAnError) {
  const Checkpoint checkpoint = golden_checkpoint("grouped_query_tied");
  BackendOptions options = device_options("xla", 2);
  options.max_num_seqs = 1;
  options.max_model_len = 24;
  options.step_tokens_max = 6;
  int before_steps = 0;
  int in_steps = 0;
  // Only asking for the memory may fail without harm; after the last call nothing fails.
  for (int call = 1, fine = 0; fine < 4; ++call) {
    ASSERT_LT(call, 3000);
    device_of(options).client_options = {"fail_at_call=" + std::to_string(call)};
    const Status status = do_everything(checkpoint, options);
    fine = status.ok() ? fine + 1 : 0;
    if (status.ok()) continue;
    const bool in_a_step = status.message().find("a restart opens it again") != std::string::npos;
    (in_a_step ? in_steps : before_steps) += 1;
    if (!in_a_step) EXPECT_THAT(status.message(), HasSubstr("this call fails on purpose"));
  }
  EXPECT_GT(before_steps, 50);
  EXPECT_GT(in_steps, 20);
}

// At once, or only when the devices are done.
TEST(DeviceFaults, ADeviceThatIsLostInAStepIsLostForGood) {
  const Checkpoint checkpoint = golden_checkpoint("grouped_query_tied");
  for (const char* rules : {"xla", "neuron"}) {
    BackendOptions options = device_options(rules);
    options.max_num_seqs = 1;
    // At the start 8 runs compare programs: a prompt in 2 chunks and in 4, and two decoded tokens.
    device_of(options).client_options = {"lose_at_run=11"};
    const auto backend = open_backend(options, &checkpoint);
    ASSERT_TRUE(backend.ok()) << backend.status().message();
    ASSERT_TRUE(greedy_tokens(**backend, kPrompt, 2).ok()) << rules;
    EXPECT_TRUE((*backend)->health().ok());
    for (int i = 0; i < 2; ++i) {
      const Status status = greedy_tokens(**backend, kPrompt, 1).status();
      EXPECT_THAT(status.message(), HasSubstr("an accelerator failed in a step")) << rules;
      EXPECT_EQ((*backend)->health().message(), status.message());
    }
  }
}

}  // namespace
}  // namespace puna
