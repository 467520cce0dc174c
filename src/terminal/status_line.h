// StatusLine: what a long command is doing now, on one line of a terminal that is written over and
// disappears at the end; nothing where standard error is no terminal.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string_view>

namespace puna {

// As much of `text` as a line of so many columns holds: one that is longer would be two, and only
// the second is written over. 0: nobody knows how many.
std::string_view fitting(std::string_view text, size_t columns);

class StatusLine {
 public:
  StatusLine();
  ~StatusLine();  // clears the line
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  // False when the line was drawn a moment ago, or never is: then a text need not be made.
  bool is_due() const;
  void show(std::string_view text);  // from any thread
  void clear();

 private:
  const bool visible_;
  std::mutex mutex_;
  std::atomic<std::chrono::steady_clock::time_point> drawn_;
};

}  // namespace puna
