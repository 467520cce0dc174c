// Carriage return, then "erase to the end of the line".

#include "terminal/status_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace puna {
namespace {

constexpr auto kDrawEvery = std::chrono::milliseconds(100);

}  // namespace

StatusLine::StatusLine()
    : visible_(::isatty(STDERR_FILENO) == 1), drawn_(std::chrono::steady_clock::time_point()) {}

StatusLine::~StatusLine() { clear(); }

bool StatusLine::is_due() const {
  return visible_ && std::chrono::steady_clock::now() - drawn_.load() >= kDrawEvery;
}

void StatusLine::show(std::string_view text) {
  if (!visible_) return;
  const std::lock_guard lock(mutex_);
  drawn_ = std::chrono::steady_clock::now();
  fmt::print(stderr, "\r\x1b[K{}", text);
  std::fflush(stderr);
}

void StatusLine::clear() { show(""); }

}  // namespace puna
