// Below 2^bits microseconds a bucket is one microsecond wide; each doubling above has 2^bits.

#include "load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace puna {
namespace {

constexpr double kMicrosecond = 1e-6;

}  // namespace

Histogram::Histogram(int bits) : bits_(bits) {}

double Histogram::relative_error() const { return std::ldexp(1, -bits_ - 1); }

size_t Histogram::bucket_of(double seconds) const {
  const auto value = static_cast<uint64_t>(seconds / kMicrosecond);
  const int exponent = std::max(0, static_cast<int>(std::bit_width(value)) - 1 - bits_);
  return (static_cast<size_t>(exponent) << bits_) + static_cast<size_t>(value >> exponent);
}

double Histogram::middle_of(size_t bucket) const {
  const size_t per_doubling = size_t{1} << bits_;
  const size_t exponent = bucket < 2 * per_doubling ? 0 : (bucket >> bits_) - 1;
  const size_t lowest = bucket - (exponent << bits_);
  return (static_cast<double>(lowest) + 0.5) * std::ldexp(kMicrosecond, static_cast<int>(exponent));
}

void Histogram::add(double seconds) {
  const bool is_duration = std::isfinite(seconds) && seconds > 0;
  const double value = is_duration ? std::min(seconds, kSecondsMax) : 0;
  const size_t bucket = bucket_of(value);
  if (bucket >= counts_.size()) counts_.resize(bucket + 1);
  ++counts_[bucket];
  ++count_;
  sum_ += value;
  max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
  CHECK(bits_ == other.bits_, "histograms of different buckets");
  if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
  for (size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

double Histogram::quantile(double share) const {
  const auto rank = std::max<int64_t>(
      1, static_cast<int64_t>(std::ceil(share * static_cast<double>(count_) - 1e-9)));
  int64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(middle_of(i), max_);
  }
  return max_;
}

}  // namespace puna
