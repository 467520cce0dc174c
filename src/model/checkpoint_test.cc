// open_checkpoint() on real and on made checkpoints.

#include "model/checkpoint.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

constexpr char kDemoModel[] = "build/models/SmolLM2-135M-Instruct.Q4_1.gguf";

TEST(Checkpoint, OpensTheDemoModel) {
  if (!std::filesystem::exists(kDemoModel)) GTEST_SKIP() << "run make fetch-models";
  const auto checkpoint = open_checkpoint(kDemoModel);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(
      describe(checkpoint->config),
      "llama: 30 layers, hidden 576, 9 heads, 3 kv heads, head 64, ffn 1536, vocabulary 49152 "
      "(tied), context 8192, rope theta 100000");
}

}  // namespace
}  // namespace puna
