// ProgressBar: how far a long work on bytes has come: a line that grows on a terminal, a line every
// ten seconds in a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace puna {

class ProgressBar {
 public:
  // `done` of `total` bytes were there already.
  ProgressBar(std::string title, int64_t done, int64_t total);
  ~ProgressBar();  // ends the line
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void add(int64_t bytes);  // from any thread

 private:
  std::string describe() const;
  void draw() const;

  const std::string title_;
  const int64_t total_;
  const int64_t before_;
  const bool on_terminal_;
  const std::chrono::steady_clock::time_point started_;
  std::mutex mutex_;
  int64_t done_;  // guarded by mutex_, as shown_
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace puna
