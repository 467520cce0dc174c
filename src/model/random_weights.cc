// One 64-bit word of a hashed counter gives four values of 16 bits.

#include "model/random_weights.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numbers>
#include <utility>

#include "model/llama_tensors.h"

namespace puna {
namespace {

constexpr float kStandardDeviation = 0.02F;  // initializer_range of Llama's configs
constexpr size_t kValuesPerWord = 4;

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014) over its counter.
uint64_t random_word(uint64_t counter) {
  uint64_t value = counter * 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

// Values [0, size) of the row whose first word is `counter`.
void fill_row(uint64_t counter, float* out, size_t size) {
  // Evenly spread over [-1, 1), a deviation is 1 / sqrt(3).
  constexpr float kScale = kStandardDeviation * std::numbers::sqrt3_v<float> * 0x1p-15F;
  constexpr size_t kWords = 64;
  int16_t values[kWords * kValuesPerWord];
  for (size_t done = 0; done < size;) {
    uint64_t words[kWords];
    for (size_t i = 0; i < kWords; ++i) words[i] = random_word(counter + i);
    counter += kWords;
    std::memcpy(values, words, sizeof values);
    const size_t count = std::min(size - done, kWords * kValuesPerWord);
    for (size_t i = 0; i < count; ++i) out[done + i] = static_cast<float>(values[i]) * kScale;
    done += count;
  }
}

class RandomWeights final : public WeightSource {
 public:
  RandomWeights(const LlamaConfig& config, uint64_t seed, std::function<void(int64_t)> on_values)
      : on_values_(std::move(on_values)) {
    uint64_t index = 0;
    for (ExpectedTensor& expected : expected_tensors(config)) {
      tensors_.push_back({.name = std::move(expected.name),
                          .type = TensorType::kF32,
                          .shape = std::move(expected.shape)});
      // 2^40 words apart, more than any tensor has.
      first_words_.push_back(random_word(seed) + (index++ << 40));
    }
    for (size_t i = 0; i < tensors_.size(); ++i) indices_.emplace(tensors_[i].name, i);
  }

  std::vector<const TensorInfo*> tensors() const override {
    std::vector<const TensorInfo*> all;
    for (const TensorInfo& tensor : tensors_) all.push_back(&tensor);
    return all;
  }

  const TensorInfo* find(std::string_view name) const override {
    const auto found = indices_.find(name);
    return found == indices_.end() ? nullptr : &tensors_[found->second];
  }

  Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const override {
    const auto found = indices_.find(name);
    if (found == indices_.end()) return error(StatusCode::kNotFound, "{}: no such tensor", name);
    const TensorInfo& tensor = tensors_[found->second];
    RETURN_IF_ERROR(check_rows(tensor, first_row, row_count, out.size()));
    if (tensor.shape.size() == 1) {
      const bool is_norm = name.ends_with("norm.weight");
      std::fill(out.begin(), out.end(), is_norm ? 1.0F : 0.0F);
    } else {
      const auto columns = static_cast<size_t>(tensor.column_count());
      const uint64_t words_per_row = (columns + kValuesPerWord - 1) / kValuesPerWord;
      for (size_t row = 0; row < static_cast<size_t>(row_count); ++row) {
        const uint64_t word = (static_cast<uint64_t>(first_row) + row) * words_per_row;
        fill_row(first_words_[found->second] + word, &out[row * columns], columns);
      }
    }
    if (on_values_) on_values_(static_cast<int64_t>(out.size()));
    return {};
  }

 private:
  std::vector<TensorInfo> tensors_;
  std::vector<uint64_t> first_words_;           // of each tensor
  std::map<std::string_view, size_t> indices_;  // names are in tensors_
  const std::function<void(int64_t)> on_values_;
};

}  // namespace

std::shared_ptr<const WeightSource> random_weights(const LlamaConfig& config, uint64_t seed,
                                                   std::function<void(int64_t count)> on_values) {
  return std::make_shared<RandomWeights>(config, seed, std::move(on_values));
}

}  // namespace puna
