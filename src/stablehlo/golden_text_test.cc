// Whole programs beside committed texts, and MLIR's own parser as a judge of their syntax.
//
// A change of a text is a change of what devices run: look at it, then copy the new text, which the
// test leaves in build/stablehlo/, over the old one.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "stablehlo/llama_program.h"

namespace puna::stablehlo {
namespace {

constexpr size_t kTextBytesMax = 1 << 20;

struct Golden {
  std::string name;
  LlamaConfig config;
  ProgramShape shape;
  std::string profile;

  friend std::ostream& operator<<(std::ostream& out, const Golden& golden) {
    return out << golden.name;
  }
};

LlamaConfig small_config(bool has_biases) {
  LlamaConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 8;
  config.vocab_size = 50;
  config.max_position_embeddings = 256;
  config.tie_word_embeddings = !has_biases;
  config.attention_bias = has_biases;
  config.mlp_bias = has_biases;
  return config;
}

std::vector<Golden> goldens() {
  ProgramShape decode;
  decode.sequences = 4;
  decode.table_blocks = 2;
  decode.pool_blocks = 9;
  decode.logit_rows = 4;
  decode.positions = 128;
  ProgramShape prefill = decode;
  prefill.sequences = 1;
  prefill.tokens_per_sequence = 16;
  prefill.logit_rows = 1;
  prefill.weights = ElementType::kBf16;
  prefill.kv = ElementType::kBf16;
  ProgramShape neuron_decode = decode;
  neuron_decode.slot_blocks = 2;
  neuron_decode.degree = 2;
  neuron_decode.weights = ElementType::kBf16;
  neuron_decode.kv = ElementType::kBf16;
  ProgramShape neuron_prefill = prefill;
  neuron_prefill.slot_blocks = 2;
  neuron_prefill.degree = 4;
  ProgramShape cuda_decode = decode;
  cuda_decode.degree = 2;
  return {{"decode_cpu", small_config(false), decode, "cpu"},
          {"prefill_cpu_bf16_biases", small_config(true), prefill, "cpu"},
          {"decode_cuda_2_replicas", small_config(false), cuda_decode, "cuda"},
          {"decode_neuron_2_partitions", small_config(false), neuron_decode, "neuron"},
          {"prefill_neuron_4_partitions", small_config(true), neuron_prefill, "neuron"}};
}

std::string emitted(const Golden& golden) {
  const auto program =
      emit_llama_step(golden.config, golden.shape, *find_platform_profile(golden.profile));
  EXPECT_TRUE(program.ok()) << program.status().message();
  return program.ok() ? program->text : "";
}

std::filesystem::path write_text(const Golden& golden, const std::string& text) {
  const std::filesystem::path folder = "build/stablehlo";
  std::filesystem::create_directories(folder);
  const std::filesystem::path path = folder / (golden.name + ".mlir");
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

class EmittedText : public testing::TestWithParam<Golden> {};

TEST_P(EmittedText, IsTheCommittedOne) {
  const std::string text = emitted(GetParam());
  const std::filesystem::path actual = write_text(GetParam(), text);
  const auto committed =
      read_file("tests/golden/stablehlo/" + GetParam().name + ".mlir", kTextBytesMax);
  ASSERT_TRUE(committed.ok()) << committed.status().message() << "; the text is in " << actual;
  EXPECT_TRUE(text == *committed) << "compare it with " << actual;
}

TEST_P(EmittedText, IsMlir) {
  if (std::system("mlir-opt-19 --version >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "mlir-opt-19 is not installed (package mlir-19-tools)";
  }
  const std::filesystem::path path = write_text(GetParam(), emitted(GetParam()));
  const std::string command = "mlir-opt-19 --allow-unregistered-dialect " + path.string() +
                              " >/dev/null 2>" + path.string() + ".log";
  EXPECT_EQ(std::system(command.c_str()), 0) << "see " << path << ".log";
}

INSTANTIATE_TEST_SUITE_P(Goldens, EmittedText, testing::ValuesIn(goldens()),
                         [](const auto& subject) { return subject.param.name; });

}  // namespace
}  // namespace puna::stablehlo
