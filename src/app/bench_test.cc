// Tests of puna bench without a clock that matters: its tests, their limits, its batches, its
// report.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "app/bench_report.h"
#include "app/bench_runner.h"
#include "app/bench_tests.h"
#include "backend/fake/fake_backend.h"
#include "model/llama_shapes.h"

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Weights of the matrices of Llama-2-7B's layers: 6 738 415 616 parameters less two embeddings of
// 131 072 000 and 65 norms of 4096.
constexpr double kLayerWeights7b = 6'738'415'616.0 - 2 * 131'072'000.0 - 65 * 4096.0;
constexpr double kHeadWeights7b = 131'072'000;

LlamaConfig llama_2_7b() { return find_llama_shape("llama-2-7b").value_or(LlamaConfig()); }

std::vector<std::string> names(const std::vector<BenchTest>& tests) {
  std::vector<std::string> all;
  for (const BenchTest& test : tests) all.push_back(describe(test));
  return all;
}

TEST(BenchTests, ArePrefillsAndThenDecodesByDepthAndBatch) {
  BenchOptions options;
  options.prefill = {512, 128, 512};
  options.batch = {4, 1};
  options.depth = {0, 100};
  EXPECT_THAT(names(bench_tests(options)),
              ElementsAre("prefill 128", "prefill 512", "decode x1 at 0", "decode x4 at 0",
                          "decode x1 at 100", "decode x4 at 100"));
}

TEST(BenchTests, ZeroLeavesThemOut) {
  BenchOptions options;
  options.prefill = {0};
  options.batch = {1};
  options.depth = {0};
  EXPECT_THAT(names(bench_tests(options)), ElementsAre("decode x1 at 0"));
  options.prefill = {64};
  options.decode = 0;
  EXPECT_THAT(names(bench_tests(options)), ElementsAre("prefill 64"));
}

TEST(BenchTests, ServedOnesAreBesideDecodesAtTheBeginning) {
  BenchOptions options;
  options.prefill = {0};
  options.batch = {4, 1};
  options.depth = {100};
  options.served = true;
  EXPECT_THAT(
      names(bench_tests(options)),
      ElementsAre("decode x1 at 0", "decode x4 at 0", "decode x1 at 100", "decode x4 at 100",
                  "served x1", "served greedy x1", "served x4", "served greedy x4"));
}

TEST(BenchWork, OfAPrefillIsTheMatricesForEveryTokenAndTheHeadOnce) {
  const BenchTest test{.kind = BenchKind::kPrefill, .tokens = 512};
  const BackendMemory memory{.step_weight_bytes = 1000, .kv_bytes_per_token = 10};
  const BenchWork work = bench_work(test, llama_2_7b(), memory);
  // Two products of 32 heads of 128 values, in 32 layers, with 512 * 513 / 2 positions.
  const double attention = 2.0 * 2 * 32 * 128 * 32 * (512.0 * 513 / 2);
  EXPECT_DOUBLE_EQ(work.operations, 2 * kLayerWeights7b * 512 + 2 * kHeadWeights7b + attention);
  EXPECT_DOUBLE_EQ(work.bytes, 1000);  // one step, nothing before it
}

TEST(BenchWork, OfALongPrefillReadsWeightsInEachStepAndKvBeforeIt) {
  const BenchTest test{.kind = BenchKind::kPrefill, .tokens = 1100};  // 512 + 512 + 76
  const BackendMemory memory{.step_weight_bytes = 1000, .kv_bytes_per_token = 10};
  const BenchWork work = bench_work(test, llama_2_7b(), memory);
  EXPECT_DOUBLE_EQ(work.bytes, 3 * 1000 + 10 * (0 + 512 + 1024));
}

TEST(BenchWork, OfADecodeReadsWeightsOnceAStepAndKvOfEverySequence) {
  const BenchTest test{.kind = BenchKind::kDecode, .tokens = 2, .batch = 3, .depth = 100};
  const BackendMemory memory{.step_weight_bytes = 1000, .kv_bytes_per_token = 10};
  const BenchWork work = bench_work(test, llama_2_7b(), memory);
  EXPECT_DOUBLE_EQ(work.bytes, 2 * 1000 + 3 * 10 * (101 + 102));
  const double attention = 2.0 * 2 * 32 * 128 * 32 * 3 * (101 + 102);
  EXPECT_DOUBLE_EQ(work.operations, 2 * (kLayerWeights7b + kHeadWeights7b) * 2 * 3 + attention);
}

TEST(BenchIdeal, IsTheSlowerOfReadingAndMultiplying) {
  const BenchLimits limits{.read_bandwidth = 100, .operations = 1000};
  const BenchIdeal read = bench_ideal({.bytes = 200, .operations = 1000}, limits);
  EXPECT_EQ(read.bound, BenchBound::kMemory);
  EXPECT_DOUBLE_EQ(read.seconds, 2);
  const BenchIdeal multiply = bench_ideal({.bytes = 200, .operations = 5000}, limits);
  EXPECT_EQ(multiply.bound, BenchBound::kOperations);
  EXPECT_DOUBLE_EQ(multiply.seconds, 5);
}

// Keeps what it is asked to run; `inner` checks it and answers.
class RecordingBackend final : public BlockingBackend {
 public:
  explicit RecordingBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}
  const BackendLimits& limits() const override { return inner_->limits(); }
  const BackendTraits& traits() const override { return inner_->traits(); }
  std::string describe() const override { return "recording"; }

  std::vector<StepBatch> batches;

 private:
  Result<StepResult> compute(const StepBatch& batch) override {
    batches.push_back(batch);
    return inner_->run(batch);
  }

  std::unique_ptr<Backend> inner_;
};

RecordingBackend recording_backend() {
  BackendOptions options;
  options.max_model_len = 4096;
  options.step_tokens_max = kBenchStepTokens;
  return RecordingBackend(std::move(open_fake_backend(options)).value());
}

std::vector<int> wanted_tokens(const StepBatch& batch) {
  std::vector<int> tokens;
  for (const WantedRow& row : batch.wanted_rows) tokens.push_back(row.token);
  return tokens;
}

TEST(BenchRunner, PrefillsInStepsOfAServer) {
  RecordingBackend backend = recording_backend();
  const auto seconds = BenchRunner(backend).run({.kind = BenchKind::kPrefill, .tokens = 700});
  ASSERT_TRUE(seconds.ok()) << seconds.status().message();
  EXPECT_GT(*seconds, 0);
  ASSERT_EQ(backend.batches.size(), 2u);
  EXPECT_EQ(backend.batches[0].tokens.size(), 512u);
  EXPECT_TRUE(backend.batches[0].wanted_rows.empty());
  EXPECT_EQ(backend.batches[1].runs[0].first_position, 512);
  EXPECT_EQ(backend.batches[1].tokens.size(), 188u);
  EXPECT_THAT(wanted_tokens(backend.batches[1]), ElementsAre(187));
}

TEST(BenchRunner, DecodesFromItsDepthWithBlocksOfItsOwnForEachSequence) {
  RecordingBackend backend = recording_backend();
  const BenchTest test{.kind = BenchKind::kDecode, .tokens = 3, .batch = 4, .depth = 1000};
  const auto seconds = BenchRunner(backend).run(test);
  ASSERT_TRUE(seconds.ok()) << seconds.status().message();
  std::vector<int> positions;
  for (const StepBatch& batch : backend.batches) {
    std::set<int> blocks;
    for (const SequenceRun& run : batch.runs) {
      EXPECT_EQ(run.first_position, batch.runs[0].first_position);
      blocks.insert(run.block_table.begin(), run.block_table.end());
    }
    EXPECT_EQ(blocks.size(), static_cast<size_t>(test.block_count(64)));
    EXPECT_THAT(wanted_tokens(batch), ElementsAre(0, 1, 2, 3));
    positions.push_back(batch.runs[0].first_position);
  }
  EXPECT_THAT(positions, ElementsAre(1000, 1000, 1001, 1002));  // the first one is not timed
}

TEST(BenchRunner, ReturnsTheBackendsError) {
  RecordingBackend backend = recording_backend();
  const auto seconds =
      BenchRunner(backend).run({.kind = BenchKind::kDecode, .tokens = 1, .depth = 4096});
  EXPECT_EQ(seconds.status().code(), StatusCode::kInvalidArgument);
}

BenchReport example_report() {
  BenchReport report;
  report.cpu = "A processor";
  report.cores = 8;
  report.isa = "avx2";
  report.model_name = "llama-2-7b";
  report.config = llama_2_7b();
  report.memory = {.weight_bytes = 7'000'000'000,
                   .step_weight_bytes = 6'000'000'000,
                   .kv_bytes_per_token = 524288,
                   .weight_group = 32};
  report.weights = "int8";
  report.threads = 4;
  report.load_seconds = 1.5;
  report.resident_bytes = 8'000'000'000;
  report.limits = {.read_bandwidth = 30e9, .operations = 1e12};
  report.rounds = 3;
  report.results = {{.test = {.kind = BenchKind::kDecode, .tokens = 10, .batch = 1, .depth = 0},
                     .seconds = {4, 2.5, 2}}};
  return report;
}

TEST(BenchReport, TakesTheMedianRound) {
  const BenchReport report = example_report();
  EXPECT_DOUBLE_EQ(tokens_per_second(report.results[0]), 4);
  EXPECT_DOUBLE_EQ(median({3, 1, 2, 10}), 2.5);
  // 10 steps of 6 GB at 30 GB/s are 2 s, and K and V of 55 positions hardly more.
  EXPECT_NEAR(share_of_limit(report.results[0], report), 2 / 2.5, 0.001);
}

TEST(BenchReport, JsonHasTheFieldsOfTheContract) {
  const OrderedJson json = to_json(example_report());
  std::vector<std::string> fields;
  for (const auto& [name, value] : json.items()) fields.push_back(name);
  EXPECT_THAT(fields,
              ElementsAre("machine", "model", "backend", "weights", "group", "threads",
                          "load_seconds", "resident_bytes", "read_bandwidth_bytes_per_second",
                          "int8_operations_per_second", "results"));
  EXPECT_EQ(json["model"]["layers"], 32);
  EXPECT_EQ(json["group"], 32);
  const OrderedJson& result = json["results"][0];
  EXPECT_EQ(result["test"], "decode");
  EXPECT_EQ(result["samples"], OrderedJson({2.5, 4.0, 5.0}));
}

TEST(BenchReport, OnDevicesTheLimitsAreThoseOfTheDevices) {
  BenchReport report = example_report();
  report.backend = "pjrt";
  report.operation_type = "bf16";
  report.isa = "2 cuda (plugin.so, PJRT C API 0.115)";
  const OrderedJson json = to_json(report);
  EXPECT_EQ(json["bf16_operations_per_second"], 1e12);
  EXPECT_FALSE(json.contains("int8_operations_per_second"));
  EXPECT_THAT(describe(report), HasSubstr("2 cuda (plugin.so, PJRT C API 0.115)"));
  EXPECT_THAT(describe(report), HasSubstr("bf16 1.000 Tops/s"));
}

TEST(BenchReport, AServedTestIsAShareOfTheBackendsDecode) {
  BenchReport report = example_report();
  report.results.push_back(
      {.test = {.kind = BenchKind::kServed, .tokens = 10}, .seconds = {2.6, 2.5, 3}});
  report.results.push_back({.test = {.kind = BenchKind::kServed,
                                     .tokens = 10,
                                     .batch = 7,
                                     .sampling = BenchSampling::kGreedy},
                            .seconds = {2.6}});
  EXPECT_EQ(share_of_decode(report.results[0], report), std::nullopt);
  EXPECT_DOUBLE_EQ(share_of_decode(report.results[1], report).value_or(0), 2.5 / 2.6);
  EXPECT_EQ(share_of_decode(report.results[2], report), std::nullopt) << "no decode of 7";
  const OrderedJson json = to_json(report);
  EXPECT_EQ(json["results"][1]["test"], "served");
  EXPECT_EQ(json["results"][1]["sampling"], "top_k 50");
  EXPECT_DOUBLE_EQ(json["results"][1]["share_of_decode"], 2.5 / 2.6);
  EXPECT_EQ(json["results"][2]["sampling"], "greedy");
  EXPECT_THAT(describe(report), HasSubstr("96 % of decode, top_k 50"));
}

TEST(BenchReport, TheTableSaysWhatBoundsATest) {
  const std::string table = describe(example_report());
  EXPECT_THAT(table, HasSubstr("llama-2-7b, 32 layers, int8 (groups of 32) weights, 7.00 GB"));
  EXPECT_THAT(table, HasSubstr("4.00"));
  EXPECT_THAT(table, HasSubstr("2.50-5.00"));
  EXPECT_THAT(table, HasSubstr("80 % of memory"));
}

}  // namespace
}  // namespace puna
