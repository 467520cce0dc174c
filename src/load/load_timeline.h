// LoadTimeline: what happened in each piece of the run, for charts: requests, tokens, how many were
// in flight, latencies. However long the run, at most kWindowsMax pieces: they grow with it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "load/histogram.h"

namespace puna {

struct LoadWindow {
  int64_t answered = 0, failed = 0, tokens = 0;
  double in_flight_seconds = 0;  // over its width: how many requests were in flight on average
  Histogram ttft{Histogram::kCoarseBits},
      e2el{Histogram::kCoarseBits};  // by the end of the request

  void merge(const LoadWindow& other);
};

class LoadTimeline {
 public:
  static constexpr size_t kWindowsMax = 240;
  static constexpr double kFirstWidth = 0.25;  // seconds

  // The window of a moment that is not before the last one by more than a window.
  LoadWindow& at(double seconds);
  // In order: a request begins (+1) or ends (-1).
  void change_in_flight(double seconds, int change);
  int in_flight() const { return in_flight_; }

  // The other timeline ran beside this one.
  void merge(LoadTimeline other);

  double width() const { return width_; }
  const std::vector<LoadWindow>& windows() const { return windows_; }

 private:
  void advance(double seconds);
  void double_width();

  double width_ = kFirstWidth;
  std::vector<LoadWindow> windows_;
  int in_flight_ = 0;
  double advanced_ = 0;  // up to here in_flight_ is in the windows
};

}  // namespace puna
