// Prefill and decode of a checkpoint on the CPU backend, with each weight format, next to what the
// machine's memory gives in the same run.
//
//   backend_speed MODEL [ROUNDS]
//
// Formats take turns within a round, so that a noisy neighbour slows all of them; medians are
// printed. Decode reads every weight once a token: its share of the bandwidth is the distance to
// the limit.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <vector>

#include "backend/open_backend.h"
#include "base/thread_pool.h"
#include "model/checkpoint.h"

namespace puna {
namespace {

constexpr int kPromptTokens = 512;
constexpr int kDecodeTokens = 64;
constexpr int kDecodeBatch = 8;
constexpr size_t kBandwidthBytes = size_t{512} << 20;  // far beyond any cache

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// Bytes per second that all usable cores read together.
double read_bandwidth(ThreadPool& pool, const std::vector<uint64_t>& memory) {
  constexpr size_t kChunk = size_t{1} << 20;
  std::atomic<uint64_t> total = 0;  // what is read must be used, or it is not read
  const auto start = std::chrono::steady_clock::now();
  pool.parallel_for(memory.size(), kChunk, [&](size_t first, size_t last) {
    const auto begin = memory.begin();
    total += std::accumulate(begin + static_cast<ptrdiff_t>(first),
                             begin + static_cast<ptrdiff_t>(last), uint64_t{0});
  });
  const double seconds = seconds_since(start);
  if (total != memory.size()) std::abort();
  return static_cast<double>(memory.size() * sizeof(uint64_t)) / seconds;
}

// `count` tokens for each of `sequences`, from `position` on, in blocks of their own.
StepBatch make_batch(int sequences, int position, int count) {
  constexpr int kBlocks = (kPromptTokens + kDecodeTokens) / kBlockTokens + 1;
  StepBatch batch;
  for (int sequence = 0; sequence < sequences; ++sequence) {
    SequenceRun run;
    run.first_token = static_cast<int>(batch.tokens.size());
    run.token_count = count;
    run.first_position = position;
    run.block_table.resize(kBlocks);
    std::iota(run.block_table.begin(), run.block_table.end(), sequence * kBlocks);
    for (int i = 0; i < count; ++i) batch.tokens.push_back(1000 + (position + i) * 7 % 20000);
    batch.runs.push_back(run);
    batch.logit_tokens.push_back(static_cast<int>(batch.tokens.size()) - 1);
  }
  return batch;
}

double tokens_per_second(Backend& backend, int sequences, int position, int count, int steps) {
  const auto start = std::chrono::steady_clock::now();
  for (int step = 0; step < steps; ++step) {
    const auto logits = backend.run(make_batch(sequences, position + step * count, count));
    if (!logits.ok()) {
      fmt::print(stderr, "error: {}\n", logits.status().message());
      std::exit(1);
    }
  }
  return sequences * count * steps / seconds_since(start);
}

struct Measured {
  WeightFormat format;
  std::unique_ptr<Backend> backend;
  std::vector<double> prefill, decode, decode_batch;
};

std::vector<Measured> open_all(const Checkpoint& checkpoint) {
  std::vector<Measured> all;
  for (const WeightFormat format : {WeightFormat::kF32, WeightFormat::kBf16, WeightFormat::kInt8}) {
    BackendOptions options;
    options.weights = format;
    options.max_model_len = 1024;
    options.max_num_seqs = kDecodeBatch;
    options.step_tokens_max = kPromptTokens;
    auto backend = open_backend(options, &checkpoint);
    if (!backend.ok()) {
      fmt::print(stderr, "error: {}\n", backend.status().message());
      std::exit(1);
    }
    fmt::print("{}\n", (*backend)->describe());
    all.push_back({format, std::move(backend).value(), {}, {}, {}});
  }
  return all;
}

double weight_bytes(const Checkpoint& checkpoint, WeightFormat format) {
  const double bytes_per_weight = format == WeightFormat::kF32    ? 4
                                  : format == WeightFormat::kBf16 ? 2
                                                                  : 1;
  return static_cast<double>(checkpoint.config.parameter_count()) * bytes_per_weight;
}

int measure(const char* path, int rounds) {
  const auto checkpoint = open_checkpoint(path);
  if (!checkpoint.ok()) {
    fmt::print(stderr, "error: {}\n", checkpoint.status().message());
    return 1;
  }
  std::vector<Measured> all = open_all(*checkpoint);
  ThreadPool pool(usable_core_count());
  const std::vector<uint64_t> memory(kBandwidthBytes / sizeof(uint64_t), 1);
  std::vector<double> bandwidth;
  for (int round = 0; round < rounds; ++round) {
    bandwidth.push_back(read_bandwidth(pool, memory));
    for (Measured& one : all) {
      one.prefill.push_back(tokens_per_second(*one.backend, 1, 0, kPromptTokens, 1));
      one.decode.push_back(tokens_per_second(*one.backend, 1, kPromptTokens, 1, kDecodeTokens));
      one.decode_batch.push_back(
          tokens_per_second(*one.backend, kDecodeBatch, kPromptTokens, 1, kDecodeTokens));
    }
  }
  const double bytes_per_second = median(bandwidth);
  fmt::print("memory read {:.1f} GB/s, {} threads, {} rounds\n", bytes_per_second / 1e9,
             usable_core_count(), rounds);
  fmt::print("{:8}{:>14}{:>14}{:>14}{:>20}\n", "weights", "prefill 512", "decode", "decode x8",
             "decode, of memory");
  for (const Measured& one : all) {
    const double decode = median(one.decode);
    fmt::print("{:8}{:>14.0f}{:>14.1f}{:>14.1f}{:>19.0f}%\n", describe(one.format),
               median(one.prefill), decode, median(one.decode_batch),
               100 * decode * weight_bytes(*checkpoint, one.format) / bytes_per_second);
  }
  return 0;
}

}  // namespace
}  // namespace puna

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    fmt::print(stderr, "usage: backend_speed MODEL [ROUNDS]\n");
    return 2;
  }
  return puna::measure(argv[1], argc == 3 ? std::max(1, std::atoi(argv[2])) : 5);
}
