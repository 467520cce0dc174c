// What is held back is shorter than the longest stop string, so a search never starts far behind.

#include "tokenizer/stop_strings.h"

#include <algorithm>
#include <utility>

namespace puna {
namespace {

// Length of the longest suffix of `text` that is a proper prefix of `stop`.
size_t overlap(std::string_view text, std::string_view stop) {
  for (size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length) {
    if (text.substr(text.size() - length) == stop.substr(0, length)) return length;
  }
  return 0;
}

}  // namespace

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase(stops_, "");
}

std::string StopStrings::push(std::string_view text) {
  if (matched_) return "";
  held_ += text;
  // The first to be complete, as if characters came one by one: how text is cut never matters.
  size_t first = 0;
  size_t end = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t found = held_.find(stop);
    if (found == std::string::npos) continue;
    const size_t found_end = found + stop.size();
    if (found_end > end || (found_end == end && found >= first)) continue;
    first = found;
    end = found_end;
    matched_ = stop;
  }
  if (matched_) return std::exchange(held_, "").substr(0, first);
  size_t kept = 0;
  for (const std::string& stop : stops_) kept = std::max(kept, overlap(held_, stop));
  std::string shown = held_.substr(0, held_.size() - kept);
  held_.erase(0, held_.size() - kept);
  return shown;
}

std::string StopStrings::finish() { return std::exchange(held_, ""); }

}  // namespace puna
