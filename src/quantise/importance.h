// Importance: how strongly a model uses each input channel of its linear layers, E[x_k^2] over a
// calibration text. What the 4-bit quantiser weighs errors with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace puna {

struct Importance {
  // By the name of the weight, [column_count]; layers that share an input have the same values.
  std::map<std::string, std::vector<float>, std::less<>> by_tensor;

  // Empty when nothing is known about the tensor: then every channel counts alike.
  std::span<const float> of(std::string_view tensor) const {
    const auto found = by_tensor.find(tensor);
    return found == by_tensor.end() ? std::span<const float>() : std::span(found->second);
  }
};

// Gathers the inputs of one linear layer, a token at a time. Sums are f64, in the order of the
// tokens: the same text gives the same bits.
class InputSquares {
 public:
  explicit InputSquares(size_t channel_count) : sums_(channel_count) {}

  void add(std::span<const float> input) {
    CHECK(input.size() == sums_.size(), "an input has one value per channel");
    for (size_t i = 0; i < input.size(); ++i) {
      sums_[i] += static_cast<double>(input[i]) * static_cast<double>(input[i]);
    }
    ++token_count_;
  }

  int64_t token_count() const { return token_count_; }

  // All 0 before the first token.
  std::vector<float> means() const {
    std::vector<float> means(sums_.size());
    if (token_count_ == 0) return means;
    for (size_t i = 0; i < means.size(); ++i) {
      means[i] = static_cast<float>(sums_[i] / static_cast<double>(token_count_));
    }
    return means;
  }

 private:
  std::vector<double> sums_;
  int64_t token_count_ = 0;
};

}  // namespace puna
