// The "KV" of a position is a hash of the sequence up to it.

#include "backend/fake/fake_backend.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>
#include <vector>

namespace puna {
namespace {

constexpr int kDefaultMaxModelLen = 4096;
constexpr int64_t kBytesPerPosition = 64;
constexpr int kBlocksMax = 1 << 20;
constexpr int kBlockTokens = 64;
const BackendTraits kTraits = {.sharing = BlockSharing::kAll, .block_tokens = kBlockTokens};
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz .";
constexpr float kNeverLogit = -30.0F;
constexpr float kLetterLogit = 4.0F;    // letters lie between this and one more than twice it
constexpr float kRepeatedLogit = 6.0F;  // nine times of ten
constexpr float kCertainLogit = 40.0F;
constexpr uint64_t kSentencesPerText = 3;  // on average

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
uint64_t mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

float unit(uint64_t value) { return static_cast<float>(mix(value) >> 40) * 0x1p-24F; }

class FakeBackend final : public BlockingBackend {
 public:
  FakeBackend(const BackendLimits& limits, const FakeOptions& options)
      : limits_(limits),
        step_time_(options.step_microseconds),
        is_endless_(options.is_endless),
        is_repetitive_(options.is_repetitive),
        history_(static_cast<size_t>(limits.block_count) * kBlockTokens) {}

  const BackendLimits& limits() const override { return limits_; }
  const BackendTraits& traits() const override { return kTraits; }
  std::string describe() const override { return "fake backend, no weights"; }

 protected:
  Result<StepResult> compute(const StepBatch& batch) override {
    RETURN_IF_ERROR(validate(batch, limits_, kTraits));
    std::this_thread::sleep_for(step_time_);
    constexpr auto kRow = static_cast<size_t>(kFakeVocabularySize);
    logits_.assign(batch.wanted_rows.size() * kRow, kNeverLogit);
    size_t row = 0;
    for (const SequenceRun& run : batch.runs) {
      for (int i = 0; i < run.token_count; ++i) {
        const int token = run.first_token + i;
        const uint64_t history =
            remember(run, run.first_position + i, batch.tokens[static_cast<size_t>(token)]);
        if (row == batch.wanted_rows.size() || batch.wanted_rows[row].token != token) continue;
        write_logits(history, batch.tokens[static_cast<size_t>(token)],
                     std::span(logits_).subspan(row * kRow, kRow));
        ++row;
      }
    }
    return StepResult{.logits = {.values = logits_, .vocab_size = kFakeVocabularySize}};
  }

 private:
  uint64_t& history_at(const SequenceRun& run, int position) {
    const int block = run.block_table[static_cast<size_t>(position / kBlockTokens)];
    return history_[static_cast<size_t>(block) * kBlockTokens +
                    static_cast<size_t>(position % kBlockTokens)];
  }

  uint64_t remember(const SequenceRun& run, int position, TokenId token) {
    const uint64_t before = position == 0 ? 0 : history_at(run, position - 1);
    return history_at(run, position) = mix(before ^ static_cast<uint64_t>(token + 1));
  }

  void write_logits(uint64_t history, TokenId last, std::span<float> logits) const {
    for (const char letter : kLetters) {
      const auto id = static_cast<unsigned char>(letter);
      logits[id] = kLetterLogit * (1 + unit(history + id)) + (letter == ' ' ? 1.0F : 0.0F);
    }
    if (is_repetitive_) {
      logits[static_cast<unsigned char>(
          kLetters[static_cast<size_t>(last) * 5 % kLetters.size()])] += kRepeatedLogit;
    }
    if (last == '.') {
      const bool ends = !is_endless_ && history % kSentencesPerText == 0;
      logits[ends ? static_cast<size_t>(kFakeEndToken) : static_cast<size_t>(' ')] = kCertainLogit;
    }
  }

  const BackendLimits limits_;
  const std::chrono::microseconds step_time_;
  const bool is_endless_;
  const bool is_repetitive_;
  std::vector<uint64_t> history_;  // [block_count, kBlockTokens]
  std::vector<float> logits_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_fake_backend(const BackendOptions& options) {
  BackendLimits limits;
  limits.max_model_len = options.max_model_len > 0 ? options.max_model_len : kDefaultMaxModelLen;
  limits.vocab_size = kFakeVocabularySize;
  limits.step_runs_max = options.max_num_seqs;
  limits.step_tokens_max = options.step_tokens_max;
  const int64_t blocks_per_sequence = blocks_for(limits.max_model_len, kBlockTokens);
  const int64_t blocks = options.kv_cache_bytes > 0
                             ? options.kv_cache_bytes / (kBytesPerPosition * kBlockTokens)
                             : blocks_per_sequence * options.max_num_seqs;
  limits.block_count = static_cast<int>(std::min<int64_t>(blocks, kBlocksMax));
  if (limits.block_count < blocks_per_sequence) {
    return invalid_argument(
        "--kv-cache-memory-bytes {} holds {} positions, fewer than --max-model-len {}; raise the "
        "one or lower the other",
        options.kv_cache_bytes, blocks * kBlockTokens, limits.max_model_len);
  }
  const auto* fake = std::get_if<FakeOptions>(&options.device);
  return std::unique_ptr<Backend>(
      std::make_unique<FakeBackend>(limits, fake == nullptr ? FakeOptions() : *fake));
}

}  // namespace puna
