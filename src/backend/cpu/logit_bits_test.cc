// Logits by their bits: one hash for each weight format and KV type, and for each way in which
// checkpoints bring 4 bits. The same on every machine, compiler and instruction set with fused
// multiply-add; plain arithmetic has hashes of its own.
//
// That the numbers are right is for the goldens to say. These say that a build, a processor or a
// library did not change them: a change that means to must say so and print them again.

#include <gtest/gtest.h>

#include <algorithm>

#include "backend/cpu/isa.h"
#include "backend/open_backend.h"
#include "backend/test_sequences.h"
#include "base/checksum.h"

namespace puna {
namespace {

struct Bits {
  const char* name;
  const char* checkpoint;
  WeightFormat weights;
  KvCacheType kv;
  uint64_t fused;
  uint64_t plain;
};

class LogitBits : public testing::TestWithParam<Bits> {};

constexpr int kDecoded = 10;

// A prompt in two runs, then tokens one by one; over three blocks, where the model goes so far.
TestLogits logits_of(Backend& backend) {
  const int total = std::min(140, backend.limits().max_model_len);
  TestSequence sequence = {.tokens = {}, .block_table = {2, 0, 1}, .done = 0};
  for (int i = 0; i < total; ++i) sequence.tokens.push_back(i * i % backend.limits().vocab_size);
  TestLogits all = run_alone(backend, sequence, total / 2);
  const auto append = [&](int count) {
    for (auto& row : run_alone(backend, sequence, count)) all.push_back(std::move(row));
  };
  append(total - total / 2 - kDecoded);
  for (int i = 0; i < kDecoded; ++i) append(1);
  return all;
}

TEST_P(LogitBits, AreThoseOfEveryMachine) {
  const auto checkpoint = open_checkpoint(GetParam().checkpoint);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  BackendOptions options;
  options.cpu().weights = GetParam().weights;
  options.cpu().kv_cache_type = GetParam().kv;
  options.cpu().thread_count = 2;
  options.max_num_seqs = 3;  // whose blocks are enough for one of any length
  const auto backend = open_backend(options, &*checkpoint);
  ASSERT_TRUE(backend.ok()) << backend.status().message();
  Checksum hash;
  for (const auto& row : logits_of(**backend)) hash.add(std::as_bytes(std::span(row)));
  const bool is_plain = choose_isa().value() == Isa::kPortable;
  EXPECT_EQ(fmt::format("{:#018x}", hash.value()),
            fmt::format("{:#018x}", is_plain ? GetParam().plain : GetParam().fused));
}

constexpr const char* kTiny = "tests/golden/llama/grouped_query_tied";
constexpr auto kF32 = WeightFormat::kF32;
constexpr auto kBf16 = WeightFormat::kBf16;
constexpr auto kInt8 = WeightFormat::kInt8;
constexpr auto kInt4 = WeightFormat::kInt4;
constexpr auto kKvF32 = KvCacheType::kF32;
constexpr auto kKvBf16 = KvCacheType::kBf16;
constexpr auto kKvInt8 = KvCacheType::kInt8;

INSTANTIATE_TEST_SUITE_P(
    Formats, LogitBits,
    testing::Values(
        Bits{"f32_kv_f32", kTiny, kF32, kKvF32, 0xfcf9ce5b44d9ce92, 0x08518373d090268d},
        Bits{"f32_kv_bf16", kTiny, kF32, kKvBf16, 0x2e814c09cc60c38d, 0xff44f1d6ca3b88f9},
        Bits{"f32_kv_int8", kTiny, kF32, kKvInt8, 0x86032986f0b3d247, 0xfe25446384fbc747},
        Bits{"bf16_kv_f32", kTiny, kBf16, kKvF32, 0xbb4595f6b5e405a9, 0xbb4595f6b5e405a9},
        Bits{"bf16_kv_bf16", kTiny, kBf16, kKvBf16, 0x845ebf9fb7f5b062, 0xe117dec141bad2d1},
        Bits{"bf16_kv_int8", kTiny, kBf16, kKvInt8, 0xf34801c2f5fa0ae8, 0x95e3a6707ad08b83},
        Bits{"int8_kv_f32", kTiny, kInt8, kKvF32, 0x674666977cbe462f, 0x07d3d8e3d388bb03},
        Bits{"int8_kv_bf16", kTiny, kInt8, kKvBf16, 0x629ecbfd17fa6342, 0x126efb141ef6df14},
        Bits{"int8_kv_int8", kTiny, kInt8, kKvInt8, 0xd3552c9fb6820738, 0xf2c903fddd0dfe42},
        Bits{"int4_kv_f32", kTiny, kInt4, kKvF32, 0xcbaca1dd746f3b6f, 0xc97d1c15a2c49032},
        Bits{"int4_kv_bf16", kTiny, kInt4, kKvBf16, 0x1a4a59da5e04caef, 0x50bd10b221199406},
        Bits{"int4_kv_int8", kTiny, kInt4, kKvInt8, 0x5f0c73e9564c5d2f, 0x0b8e8aeb7b239806},
        Bits{"awq_32", "tests/golden/int4/awq_32", kInt4, kKvBf16, 0x562cd29aa42c8901,
             0x17fcc6bc4d05c236},
        Bits{"awq_128", "tests/golden/int4/awq_128", kInt4, kKvBf16, 0x4663c0dcac09f7c6,
             0x6da4ad0dbbbc409d},
        Bits{"gptq_64", "tests/golden/int4/gptq_64", kInt4, kKvBf16, 0xb8630a744b846359,
             0x1ee748721ed505f6},
        Bits{"gptq_v2_32", "tests/golden/int4/gptq_v2_32", kInt4, kKvInt8, 0x05d56258d8a446c7,
             0x8e2a34066dc1d3d6},
        Bits{"gptq_symmetric_128", "tests/golden/int4/gptq_symmetric_128", kInt4, kKvBf16,
             0xb6c985b69e1af23f, 0xf92f939f2e3aaa02}),
    [](const auto& bits) { return std::string(bits.param.name); });

}  // namespace
}  // namespace puna
