// The PJRT backend on the reference plugin: logits of transformers from prefill and decode, and the
// same tokens on one device and on many.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "../golden/golden_model.h"
#include "backend/self_test.h"
#include "device_model.h"

namespace puna {
namespace {

using testing::HasSubstr;

constexpr float kTolerance = 1e-3F;

struct Placement {
  std::string checkpoint;
  std::string rules;  // of the plugin
  int degree = 1;

  friend std::ostream& operator<<(std::ostream& out, const Placement& placement) {
    return out << placement.checkpoint << "_" << placement.rules << "_" << placement.degree;
  }
};

class DeviceLlama : public testing::TestWithParam<Placement> {};

// Up to each golden position in one prefill; every other time its token is decoded.
TEST_P(DeviceLlama, HasTheLogitsOfTransformers) {
  const Placement& placement = GetParam();
  const Checkpoint checkpoint = golden_checkpoint(placement.checkpoint);
  const auto backend = open_backend(device_options(placement.rules, placement.degree), &checkpoint);
  ASSERT_TRUE(backend.ok()) << backend.status().message();
  const Json golden = read_golden("tests/golden/llama/" + placement.checkpoint + "/logits.json");
  size_t compared = 0;
  for (const Json& expected : golden["cases"]) {
    const auto ids = expected["ids"].get<std::vector<TokenId>>();
    const auto positions = expected["positions"].get<std::vector<size_t>>();
    size_t done = 0;
    for (size_t i = 0; i < positions.size(); ++i) {
      const size_t end = positions[i] + 1;
      const size_t before = i % 2 == 0 ? end : end - 1;
      while (done < before) {
        const size_t next = std::min(done + 32, before);
        ASSERT_TRUE((*backend)->run(one_run(ids, done, next, **backend, 0)).ok());
        done = next;
      }
      // The last token once more: its K and V are written again.
      const auto result = (*backend)->run(one_run(ids, end - 1, end, **backend, 0));
      ASSERT_TRUE(result.ok()) << result.status().message();
      done = end;
      const auto row = expected["logits"][i].get<std::vector<float>>();
      const auto actual = result->logits.row(0);
      ASSERT_EQ(actual.size(), row.size());
      for (size_t id = 0; id < row.size(); ++id) {
        ASSERT_NEAR(actual[id], row[id], kTolerance) << "position " << positions[i];
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 5U);
}

// The last row of a prefill chunk is the one that a sequence goes on from.
TEST_P(DeviceLlama, PrefillsAndDecodesTheSameLogits) {
  const Placement& placement = GetParam();
  const Checkpoint checkpoint = golden_checkpoint(placement.checkpoint);
  const auto backend = open_backend(device_options(placement.rules, placement.degree), &checkpoint);
  ASSERT_TRUE(backend.ok()) << backend.status().message();
  const Json golden = read_golden("tests/golden/llama/" + placement.checkpoint + "/logits.json");
  auto ids = golden["cases"][0]["ids"].get<std::vector<TokenId>>();
  ids.resize(std::min<size_t>(ids.size(), 30));
  const auto prefilled = (*backend)->run(one_run(ids, 0, ids.size(), **backend));
  ASSERT_TRUE(prefilled.ok()) << prefilled.status().message();
  const std::vector<float> expected(prefilled->logits.values.begin(),
                                    prefilled->logits.values.end());
  const auto decoded = (*backend)->run(one_run(ids, ids.size() - 1, ids.size(), **backend));
  ASSERT_TRUE(decoded.ok()) << decoded.status().message();
  for (size_t id = 0; id < expected.size(); ++id) {
    ASSERT_NEAR(decoded->logits.values[id], expected[id], kTolerance);
  }
  EXPECT_TRUE(self_test(**backend, ids).ok());
}

INSTANTIATE_TEST_SUITE_P(Goldens, DeviceLlama,
                         testing::Values(Placement{"multi_head", "xla", 1},
                                         Placement{"multi_head", "neuron", 4},
                                         Placement{"grouped_query_tied", "xla", 2},
                                         Placement{"grouped_query_tied", "neuron", 1},
                                         Placement{"multi_query_biases_head_24", "neuron", 2},
                                         Placement{"multi_query_biases_head_24", "xla", 1},
                                         Placement{"rope_linear", "xla", 1},
                                         Placement{"rope_llama3", "neuron", 1}),
                         [](const auto& subject) { return testing::PrintToString(subject.param); });

std::vector<TokenId> tokens_on(const Checkpoint& checkpoint, const std::string& rules, int degree) {
  const auto backend = open_backend(device_options(rules, degree), &checkpoint);
  EXPECT_TRUE(backend.ok()) << backend.status().message();
  if (!backend.ok()) return {};
  const auto tokens = greedy_tokens(**backend, {1, 5, 9, 30, 77}, 20);
  EXPECT_TRUE(tokens.ok()) << tokens.status().message();
  return tokens.ok() ? *tokens : std::vector<TokenId>();
}

TEST(TensorParallel, GivesTheSameTokensOnEveryDegree) {
  for (const char* name : {"multi_head", "grouped_query_tied"}) {
    const Checkpoint checkpoint = golden_checkpoint(name);
    BackendOptions options;
    options.cpu().weights = WeightFormat::kF32;
    const auto cpu = open_backend(options, &checkpoint);
    ASSERT_TRUE(cpu.ok());
    const auto expected = greedy_tokens(**cpu, {1, 5, 9, 30, 77}, 20);
    ASSERT_TRUE(expected.ok());
    EXPECT_GT(std::set<TokenId>(expected->begin(), expected->end()).size(), 3U);
    for (const int degree : {1, 2, 4}) {
      EXPECT_EQ(tokens_on(checkpoint, "xla", degree), *expected) << name << " " << degree;
      EXPECT_EQ(tokens_on(checkpoint, "neuron", degree), *expected) << name << " " << degree;
    }
  }
}

std::string refusal(const BackendOptions& options, const char* checkpoint = "multi_head") {
  const Checkpoint opened = golden_checkpoint(checkpoint);
  const auto backend = open_backend(options, &opened);
  return backend.ok() ? "accepted" : backend.status().message();
}

TEST(PjrtBackend, RefusesWhatCannotBe) {
  EXPECT_THAT(refusal(device_options("xla", 3)), HasSubstr("use one of 1, 2, 4"));
  BackendOptions options = device_options("xla");
  device_of(options).weights = WeightFormat::kInt4;
  EXPECT_THAT(refusal(options), HasSubstr("--weights int4"));
  options = device_options("xla");
  device_of(options).kv_cache_type = KvCacheType::kInt8;
  EXPECT_THAT(refusal(options), HasSubstr("--kv-cache-dtype int8"));
  options = device_options("neuron", 4);
  device_of(options).client_options = {"cpu_device_count=2"};
  EXPECT_THAT(refusal(options), HasSubstr("--tp-degree 4 needs as many devices, and there are 2"));
  options = device_options("xla");
  device_of(options).device = "gpu";
  EXPECT_THAT(refusal(options), HasSubstr("expected cpu, cuda, neuron, tpu or the path"));
  options = device_options("xla");
  options.max_model_len = 513;
  EXPECT_THAT(refusal(options), HasSubstr("--max-model-len 513: expected 0 to 512"));
}

TEST(PjrtBackend, PlansTheMemoryOfTheDevicesBeforeItLoads) {
  BackendOptions options = device_options("xla");
  options.max_model_len = 0;
  device_of(options).client_options = {"memory_bytes=1000"};
  EXPECT_THAT(refusal(options), HasSubstr("raise --tp-degree or --device-memory-utilization"));
  // Weights and a step take 2 MB; four sequences of 512 positions would take 3 MB.
  device_of(options).client_options = {"memory_bytes=4000000"};
  const Checkpoint checkpoint = golden_checkpoint("multi_head");
  const auto backend = open_backend(options, &checkpoint);
  ASSERT_TRUE(backend.ok()) << backend.status().message();
  EXPECT_EQ((*backend)->limits().max_model_len, 512);
  EXPECT_LT((*backend)->limits().block_count, 4 * 8);
  EXPECT_GE((*backend)->limits().block_count, 8);
  options.kv_cache_bytes = 1 << 30;
  EXPECT_THAT(refusal(options), HasSubstr("--kv-cache-memory-bytes 1073741824"));
}

// What compiling gave, with a store in `folder`.
std::string compiled(const std::filesystem::path& folder, const std::string& rules, int degree) {
  BackendOptions options = device_options(rules, degree);
  device_of(options).executable_store = folder.string();
  const auto done = compile_programs(options, golden_checkpoint("multi_head"));
  return done.ok() ? *done : done.status().message();
}

TEST(ExecutableStore, GivesTheSecondStartAllProgramsAndCompilesDamagedOnesAgain) {
  const auto folder = std::filesystem::temp_directory_path() / "puna_executable_store_test";
  std::filesystem::remove_all(folder);
  EXPECT_EQ(compiled(folder, "xla", 1), "3 programs, 3 of them compiled now");
  EXPECT_EQ(compiled(folder, "xla", 1), "3 programs, 0 of them compiled now");
  EXPECT_EQ(compiled(folder, "xla", 2), "3 programs, 3 of them compiled now") << "other programs";
  EXPECT_EQ(compiled(folder, "neuron", 1), "3 programs, 3 of them compiled now") << "other devices";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  ASSERT_EQ(files.size(), 9U) << "nothing else is left there";
  for (const auto& file : files) {  // one byte in the middle
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(std::filesystem::file_size(file) / 2));
    stream.put('\1');
  }
  EXPECT_EQ(compiled(folder, "xla", 1), "3 programs, 3 of them compiled now");
  EXPECT_EQ(compiled(folder, "xla", 1), "3 programs, 0 of them compiled now");
  for (const auto& file : files) std::filesystem::resize_file(file, 5);
  EXPECT_EQ(compiled(folder, "xla", 1), "3 programs, 3 of them compiled now");
  std::filesystem::remove_all(folder);
}

TEST(ExecutableStore, APlaceThatCannotBeOneIsRefusedAndOneThatIsNotAskedForIsNot) {
  EXPECT_THAT(compiled("/dev/null/store", "xla", 1), HasSubstr("--executable-store"));
  setenv("PUNA_CACHE", "/dev/null/cache", 1);
  EXPECT_EQ(compiled("auto", "xla", 1), "3 programs, 3 of them compiled now");
  unsetenv("PUNA_CACHE");
}

// Programs with `tokens` in a step have other bits.
BackendOptions options_with_other_bits(int tokens) {
  BackendOptions options = device_options("xla");
  options.max_num_seqs = 2;      // decoding 1 or 2
  options.step_tokens_max = 72;  // prefilling 64 or 72
  options.max_model_len = 80;
  device_of(options).client_options = {"other_bits_at=" + std::to_string(tokens)};
  return options;
}

TEST(BatchInvariance, ProgramsWithOtherBitsAreLeftOut) {
  const Checkpoint checkpoint = golden_checkpoint("multi_head");
  const auto shapes = [&](const BackendOptions& options, Exactness promise) {
    const auto backend = open_backend(options, &checkpoint);
    EXPECT_TRUE(backend.ok()) << backend.status().message();
    if (!backend.ok()) return StepShapes();
    EXPECT_EQ((*backend)->traits().exactness, promise);
    EXPECT_TRUE(greedy_tokens(**backend, {1, 5, 9}, 3).ok());
    return (*backend)->traits().shapes;
  };
  StepShapes found = shapes(options_with_other_bits(0), Exactness::kBits);
  EXPECT_EQ(found.run_buckets, (std::vector<int>{1, 2}));
  EXPECT_EQ(found.token_buckets, (std::vector<int>{64, 72}));
  found = shapes(options_with_other_bits(1), Exactness::kBits);
  EXPECT_EQ(found.run_buckets, (std::vector<int>{2}));
  EXPECT_EQ(found.token_buckets, (std::vector<int>{64, 72}));
  found = shapes(options_with_other_bits(64), Exactness::kBits);
  EXPECT_EQ(found.token_buckets, (std::vector<int>{72}));
  BackendOptions fast = options_with_other_bits(1);
  device_of(fast).batch_invariance = false;
  found = shapes(fast, Exactness::kWithinStep);
  EXPECT_EQ(found.run_buckets, (std::vector<int>{1, 2}));
}

TEST(BatchInvariance, IsFoundOutOnceForTheSamePrograms) {
  const auto folder = std::filesystem::temp_directory_path() / "puna_probe_findings_test";
  std::filesystem::remove_all(folder);
  const Checkpoint checkpoint = golden_checkpoint("multi_head");
  BackendOptions options = options_with_other_bits(1);
  device_of(options).executable_store = folder.string();
  bool compares = false;
  device_of(options).on_progress = [&](const std::string& what) {
    compares = compares || what == "comparing the bits of programs";
  };
  const auto compares_at_start = [&] {
    compares = false;
    const auto backend = open_backend(options, &checkpoint);
    EXPECT_TRUE(backend.ok()) << backend.status().message();
    if (backend.ok()) {
      EXPECT_EQ((*backend)->traits().shapes.run_buckets, (std::vector<int>{2}));
      EXPECT_EQ((*backend)->traits().exactness, Exactness::kBits);
    }
    return compares;
  };
  EXPECT_TRUE(compares_at_start());
  EXPECT_FALSE(compares_at_start());
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".executable") std::filesystem::resize_file(entry.path(), 5);
  }
  EXPECT_TRUE(compares_at_start()) << "the programs were compiled again";
  EXPECT_FALSE(compares_at_start());
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".notes") std::filesystem::resize_file(entry.path(), 5);
  }
  EXPECT_TRUE(compares_at_start()) << "the notes are damaged";
  std::filesystem::remove_all(folder);
}

TEST(PjrtBackend, WritesItsProgramsAsText) {
  const auto folder = std::filesystem::temp_directory_path() / "puna_pjrt_backend_test";
  std::filesystem::remove_all(folder);
  BackendOptions options = device_options("xla");
  device_of(options).program_folder = folder.string();
  EXPECT_EQ(refusal(options), "accepted");
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  EXPECT_EQ(names, (std::set<std::string>{"decode_1_context_192.mlir", "decode_4_context_192.mlir",
                                          "prefill_32_context_192.mlir"}));
  std::string line;
  std::ifstream text(folder / "decode_1_context_192.mlir");
  EXPECT_TRUE(std::getline(text, line) && line.starts_with("module")) << line;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace puna
