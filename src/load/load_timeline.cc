// Two neighbours become one when the run outgrows its windows.

#include "load/load_timeline.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace puna {

void LoadWindow::merge(const LoadWindow& other) {
  answered += other.answered;
  failed += other.failed;
  tokens += other.tokens;
  in_flight_seconds += other.in_flight_seconds;
  ttft.merge(other.ttft);
  e2el.merge(other.e2el);
}

void LoadTimeline::double_width() {
  std::vector<LoadWindow> halves = std::exchange(windows_, {});
  for (size_t i = 0; i < halves.size(); i += 2) {
    windows_.push_back(std::move(halves[i]));
    if (i + 1 < halves.size()) windows_.back().merge(halves[i + 1]);
  }
  width_ *= 2;
}

LoadWindow& LoadTimeline::at(double seconds) {
  const double moment = std::max(0.0, seconds);
  while (moment >= width_ * kWindowsMax) double_width();
  const auto index = std::min(static_cast<size_t>(moment / width_), kWindowsMax - 1);
  if (index >= windows_.size()) windows_.resize(index + 1);
  return windows_[index];
}

void LoadTimeline::advance(double seconds) {
  while (advanced_ < seconds) {
    if (in_flight_ == 0) {
      advanced_ = seconds;
      return;
    }
    LoadWindow& window = at(advanced_);  // may make windows wider
    const double index = std::floor(advanced_ / width_);
    double end = std::min(seconds, (index + 1) * width_);
    if (end <= advanced_) end = seconds;  // where a double can no more tell them apart
    window.in_flight_seconds += in_flight_ * (end - advanced_);
    advanced_ = end;
  }
}

void LoadTimeline::change_in_flight(double seconds, int change) {
  advance(seconds);
  in_flight_ += change;
}

void LoadTimeline::merge(LoadTimeline other) {
  while (width_ < other.width_) double_width();
  while (other.width_ < width_) other.double_width();
  if (windows_.size() < other.windows_.size()) windows_.resize(other.windows_.size());
  for (size_t i = 0; i < other.windows_.size(); ++i) windows_[i].merge(other.windows_[i]);
  in_flight_ += other.in_flight_;
}

}  // namespace puna
