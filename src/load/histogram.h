// Histogram: durations counted in buckets whose width grows with them, as HdrHistogram does: any
// number of values in bounded memory, and quantiles with a bounded relative error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace puna {

class Histogram {
 public:
  // 2^bits buckets in each doubling: a quantile is at most 2^-(bits+1) beside the value itself.
  explicit Histogram(int bits = kFineBits);

  static constexpr int kFineBits = 9;    // 0.1 %
  static constexpr int kCoarseBits = 5;  // 1.6 %
  static constexpr double kSecondsMax = 1e5;

  double relative_error() const;
  void add(double seconds);            // of another kind than finite and >= 0: 0
  void merge(const Histogram& other);  // of the same bits

  int64_t count() const { return count_; }
  double mean() const;                 // exact; 0 without values, as the rest
  double max() const { return max_; }  // exact
  // The smallest value that `share` of all do not exceed: quantile(0.95).
  double quantile(double share) const;

 private:
  size_t bucket_of(double seconds) const;
  double middle_of(size_t bucket) const;

  int bits_;
  std::vector<int64_t> counts_;  // as long as the largest value needs
  int64_t count_ = 0;
  double sum_ = 0, max_ = 0;
};

}  // namespace puna
