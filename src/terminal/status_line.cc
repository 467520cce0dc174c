// Carriage return, then "erase to the end of the line".

#include "terminal/status_line.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "base/utf8.h"

namespace puna {
namespace {

constexpr auto kDrawEvery = std::chrono::milliseconds(100);

size_t columns_of(int descriptor) {
  winsize size = {};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace

std::string_view fitting(std::string_view text, size_t columns) {
  if (columns == 0) return text;
  size_t bytes = 0;
  // The last column stays free: a cursor behind it would be on the next line.
  for (size_t used = 0; bytes < text.size() && used + 1 < columns; ++used) {
    bytes += decode_utf8(text.substr(bytes)).length;
  }
  return text.substr(0, bytes);
}

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
  fmt::print(stderr, "\r\x1b[K{}", fitting(text, columns_of(STDERR_FILENO)));
  std::fflush(stderr);
}

void StatusLine::clear() { show(""); }

}  // namespace puna
