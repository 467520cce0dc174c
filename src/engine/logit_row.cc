// Loops are written so that compilers turn them into vectors: several sums at once, a fixed order
// between them, no branches. Each is compiled for AVX2 and AVX-512 too, and chosen at run time;
// since no a*b+c is fused, the bits are those of the plain loop.

#include "engine/logit_row.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "base/check.h"

namespace puna {
namespace {

// Tokens whose largest logit and whose weight are known together.
constexpr size_t kBlock = 64;
constexpr size_t kSums = 16;  // that grow side by side in a block

#if defined(__x86_64__)
#define PUNA_TARGET(isa) __attribute__((target(isa)))
enum class Vectors { kPlain, kAvx2, kAvx512 };
const Vectors kVectors = [] {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") != 0) return Vectors::kAvx512;
  return __builtin_cpu_supports("avx2") != 0 ? Vectors::kAvx2 : Vectors::kPlain;
}();
#endif
#define PUNA_INLINE inline __attribute__((always_inline))

// e^x for x <= 0, to about 1e-16 of it; 0 below 2^-1021. 2^n * e^r with |r| <= ln(2)/2, e^r by its
// Taylor polynomial.
PUNA_INLINE double exponential(double x) {
  constexpr double kLeast = -707.5;
  constexpr double kLog2E = 1.4426950408889634074;
  // ln(2) in two parts, the first with enough zeros at its end that n times it is exact.
  constexpr double kLn2High = 6.93147180369123816490e-01;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  // A double near 1.5 * 2^52 has n + 1023, the exponent of 2^n, in its last bits.
  constexpr double kShift = 0x1.8p52 + 1023;
  const double bounded = x < kLeast ? kLeast : x;
  const double shifted = bounded * kLog2E + kShift;
  const double n = shifted - kShift;
  const double r = (bounded - n * kLn2High) - n * kLn2Low;
  double sum = 1.0 / 6227020800.0;
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  const auto scale = std::bit_cast<double>(std::bit_cast<uint64_t>(shifted) << 52);
  return x < kLeast ? 0.0 : sum * scale;
}

PUNA_INLINE double weight_of(float logit, double best, double temperature, double least) {
  const double weight = exponential((static_cast<double>(logit) - best) / temperature);
  return weight >= least ? weight : 0.0;
}

PUNA_INLINE double block_weight(const float* logits, const Weighting& weighting) {
  const double best = weighting.best, temperature = weighting.temperature;
  const double least = weighting.least;
  double sums[kSums] = {};
  for (size_t first = 0; first < kBlock; first += kSums) {
    for (size_t i = 0; i < kSums; ++i) {
      sums[i] += weight_of(logits[first + i], best, temperature, least);
    }
  }
  for (size_t step = kSums / 2; step > 0; step /= 2) {
    for (size_t i = 0; i < step; ++i) sums[i] += sums[i + step];
  }
  return sums[0];
}

PUNA_INLINE void whole_blocks(const float* logits, size_t count, const Weighting& weighting,
                              double* out) {
  for (size_t i = 0; i < count; ++i) out[i] = block_weight(logits + i * kBlock, weighting);
}

PUNA_INLINE void block_maxima(const float* logits, size_t count, float* out) {
  for (size_t block = 0; block < count; ++block) {
    float maxima[kSums];
    for (size_t i = 0; i < kSums; ++i) maxima[i] = logits[i];
    for (size_t first = kSums; first < kBlock; first += kSums) {
      for (size_t i = 0; i < kSums; ++i) {
        maxima[i] = logits[first + i] > maxima[i] ? logits[first + i] : maxima[i];
      }
    }
    for (size_t i = 1; i < kSums; ++i) maxima[0] = std::max(maxima[0], maxima[i]);
    out[block] = maxima[0];
    logits += kBlock;
  }
}

PUNA_INLINE bool any_wrong(const float* logits, size_t count) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  uint32_t wrong = 0;
  for (size_t i = 0; i < count; ++i)
    wrong |= logits[i] < kInfinity ? 0U : 1U;  // a NaN is not below
  return wrong != 0;
}

PUNA_INLINE int greater_count(const float* logits, size_t count, float logit) {
  int above = 0;
  for (size_t i = 0; i < count; ++i) above += logits[i] > logit ? 1 : 0;
  return above;
}

// `name(arguments)` for this processor.
#if defined(__x86_64__)
#define PUNA_FOR_EACH_ISA(result, name, body, parameters, arguments)                \
  PUNA_TARGET("avx2") result name##_avx2 parameters { return body arguments; }      \
  PUNA_TARGET("avx512f") result name##_avx512 parameters { return body arguments; } \
  result name parameters {                                                          \
    if (kVectors == Vectors::kAvx512) return name##_avx512 arguments;               \
    if (kVectors == Vectors::kAvx2) return name##_avx2 arguments;                   \
    return body arguments;                                                          \
  }
#else
#define PUNA_FOR_EACH_ISA(result, name, body, parameters, arguments) \
  result name parameters { return body arguments; }
#endif
PUNA_FOR_EACH_ISA(void, weigh_blocks, whole_blocks,
                  (const float* logits, size_t count, const Weighting& weighting, double* out),
                  (logits, count, weighting, out))
PUNA_FOR_EACH_ISA(void, find_maxima, block_maxima, (const float* logits, size_t count, float* out),
                  (logits, count, out))
PUNA_FOR_EACH_ISA(bool, find_wrong, any_wrong, (const float* logits, size_t count), (logits, count))
PUNA_FOR_EACH_ISA(int, find_above, greater_count, (const float* logits, size_t count, float logit),
                  (logits, count, logit))

size_t block_count(std::span<const float> logits) { return (logits.size() + kBlock - 1) / kBlock; }

std::span<const float> block_of(std::span<const float> logits, size_t block) {
  const size_t first = block * kBlock;
  return logits.subspan(first, std::min(kBlock, logits.size() - first));
}

std::vector<float> maxima_of(std::span<const float> logits) {
  std::vector<float> maxima(block_count(logits));
  const size_t whole = logits.size() / kBlock;
  find_maxima(logits.data(), whole, maxima.data());
  if (whole < maxima.size()) {
    const std::span<const float> rest = block_of(logits, whole);
    maxima[whole] = *std::max_element(rest.begin(), rest.end());
  }
  return maxima;
}

std::vector<double> weights_of_blocks(std::span<const float> logits, const Weighting& weighting) {
  std::vector<double> weights(block_count(logits));
  const size_t whole = logits.size() / kBlock;
  weigh_blocks(logits.data(), whole, weighting, weights.data());
  if (whole < weights.size()) {
    for (const float logit : block_of(logits, whole)) weights[whole] += weighting.weight(logit);
  }
  return weights;
}

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

}  // namespace

double Weighting::weight(float logit) const { return weight_of(logit, best, temperature, least); }

bool are_numbers(std::span<const float> logits) {
  return !find_wrong(logits.data(), logits.size());
}

int count_above(std::span<const float> logits, float logit) {
  return find_above(logits.data(), logits.size(), logit);
}

float largest(std::span<const float> logits) {
  const std::vector<float> maxima = maxima_of(logits);
  return *std::max_element(maxima.begin(), maxima.end());
}

// The count-th largest of the blocks' maxima is no more than the count-th largest logit: only
// logits from it upwards, in blocks that have one, can be among the likeliest.
std::vector<TokenId> likeliest(std::span<const float> logits, size_t count) {
  count = std::min(count, logits.size());
  if (count == 0) return {};
  const std::vector<float> maxima = maxima_of(logits);
  float threshold = -std::numeric_limits<float>::infinity();
  if (count <= maxima.size()) {
    std::vector<float> order = maxima;
    const auto nth = order.begin() + static_cast<ptrdiff_t>(count) - 1;
    std::nth_element(order.begin(), nth, order.end(), std::greater<>());
    threshold = *nth;
  }
  std::vector<TokenId> tokens;
  for (size_t block = 0; block < maxima.size(); ++block) {
    if (maxima[block] < threshold) continue;
    const std::span<const float> values = block_of(logits, block);
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] >= threshold) tokens.push_back(static_cast<TokenId>(block * kBlock + i));
    }
  }
  const auto likelier = [&](TokenId a, TokenId b) {
    const float left = logits[static_cast<size_t>(a)], right = logits[static_cast<size_t>(b)];
    return left != right ? left > right : a < b;
  };
  const auto end = tokens.begin() + static_cast<ptrdiff_t>(count);
  std::nth_element(tokens.begin(), end - 1, tokens.end(), likelier);
  tokens.erase(end, tokens.end());
  std::sort(tokens.begin(), tokens.end(), likelier);
  return tokens;
}

double total_weight(std::span<const float> logits, const Weighting& weighting) {
  return sum_of(weights_of_blocks(logits, weighting));
}

TokenId token_at(std::span<const float> logits, const Weighting& weighting, double fraction) {
  const std::vector<double> weights = weights_of_blocks(logits, weighting);
  const double target = fraction * sum_of(weights);
  // Rounding may put the target a trifle behind the last share: then the last token it is.
  double before = 0;
  size_t chosen = 0;
  for (size_t block = 0; block < weights.size() && before <= target; ++block) {
    if (weights[block] == 0) continue;
    chosen = block;
    if (before + weights[block] > target) break;
    before += weights[block];
  }
  size_t token = 0;
  const std::span<const float> values = block_of(logits, chosen);
  for (size_t i = 0; i < values.size(); ++i) {
    const double weight = weighting.weight(values[i]);
    if (weight == 0) continue;
    token = i;
    before += weight;
    if (before > target) break;
  }
  return static_cast<TokenId>(chosen * kBlock + token);
}

}  // namespace puna
