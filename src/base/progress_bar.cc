// Standard error, so that standard output stays for results.

#include "base/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"

namespace puna {
namespace {

constexpr auto kDrawEvery = std::chrono::milliseconds(100);
constexpr auto kLogEvery = std::chrono::seconds(10);
constexpr int kBarWidth = 24;

}  // namespace

ProgressBar::ProgressBar(std::string title, int64_t done, int64_t total)
    : title_(std::move(title)),
      total_(total),
      before_(done),
      on_terminal_(::isatty(STDERR_FILENO) == 1),
      started_(std::chrono::steady_clock::now()),
      done_(done),
      shown_(started_) {}

ProgressBar::~ProgressBar() {
  if (!on_terminal_) return;
  draw();
  std::fputs("\n", stderr);
}

void ProgressBar::add(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  done_ += bytes;
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_ < (on_terminal_ ? std::chrono::milliseconds(kDrawEvery)
                                   : std::chrono::milliseconds(kLogEvery))) {
    return;
  }
  shown_ = now;
  if (on_terminal_) {
    draw();
  } else {
    log_info("{}: {}", title_, describe());
  }
}

// " 38 %  1.4 GB of 3.7 GB  210.0 MB/s  0:11 left"
std::string ProgressBar::describe() const {
  const double share = total_ == 0 ? 1.0 : static_cast<double>(done_) / static_cast<double>(total_);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started_;
  const double rate =
      taken.count() > 0 ? static_cast<double>(done_ - before_) / taken.count() : 0.0;
  std::string text =
      fmt::format("{:3.0f} %  {} of {}  {}/s", 100 * share, describe_bytes(done_),
                  describe_bytes(total_), describe_bytes(static_cast<int64_t>(rate)));
  if (rate > 0 && done_ < total_) {
    const auto left = static_cast<int64_t>(static_cast<double>(total_ - done_) / rate);
    text += fmt::format("  {}:{:02} left", left / 60, left % 60);
  }
  return text;
}

void ProgressBar::draw() const {
  const double share = total_ == 0 ? 1.0 : static_cast<double>(done_) / static_cast<double>(total_);
  const auto filled = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * kBarWidth);
  fmt::print(stderr, "\r\x1b[K{} [{}{}] {}", title_, std::string(filled, '='),
             std::string(kBarWidth - filled, ' '), describe());
  std::fflush(stderr);
}

}  // namespace puna
