// HubProgress: a line on the terminal that grows with the bytes of a download; silent elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace puna {

class HubProgress {
 public:
  // `done` of `total` bytes were there already.
  HubProgress(std::string title, int64_t done, int64_t total);
  ~HubProgress();  // ends the line
  HubProgress(const HubProgress&) = delete;
  HubProgress& operator=(const HubProgress&) = delete;

  void add(int64_t bytes);  // from any thread

 private:
  void draw() const;

  const std::string title_;
  const int64_t total_;
  const int64_t before_;
  const bool visible_;
  const std::chrono::steady_clock::time_point started_;
  std::mutex mutex_;
  int64_t done_;  // guarded by mutex_, as drawn_
  std::chrono::steady_clock::time_point drawn_;
};

// "1.2 GB".
std::string describe_bytes(int64_t bytes);

}  // namespace puna
