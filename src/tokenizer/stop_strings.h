// StopStrings: ends a stream of text before any of the given strings, leaking no part of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace puna {

class StopStrings {
 public:
  // Empty strings are ignored; callers refuse them earlier.
  explicit StopStrings(std::vector<std::string> stops);

  // Text that can be shown now. A tail that could begin a stop string is held back.
  std::string push(std::string_view text);
  // The held-back tail when the stream ends without a match.
  std::string finish();
  // The stop string that ended the text (the first to be complete, then the longest).
  const std::optional<std::string>& matched() const { return matched_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  std::optional<std::string> matched_;
};

}  // namespace puna
