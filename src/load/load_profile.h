// LoadProfile: how much load there is at each moment: users of a closed loop, or requests a second
// of an open one. Stages in which it rises or falls evenly, then it stays. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna {

// "1:64:600s": from 1 to 64 in ten minutes.
struct RampStage {
  double from = 0, to = 0;
  double seconds = 0;
};

inline constexpr double kLoadSecondsMax = 1e7;  // a run longer than that is a slip of the pen
inline constexpr double kLoadLevelMax = 1e6;    // users, or requests a second

// "90", "90s", "1.5m", "2h", "500ms"; `what` begins the message, e.g. "--duration".
Result<double> parse_duration(std::string_view what, std::string_view text);
Result<RampStage> parse_ramp(std::string_view text);

class LoadProfile {
 public:
  explicit LoadProfile(double level) : last_(level) {}
  explicit LoadProfile(std::vector<RampStage> stages);  // at least one

  // "64 users", "1 to 64 users in 600 s, 64 to 1 users in 60 s"
  std::string describe(std::string_view unit) const;
  double stage_seconds() const;  // of all stages
  double peak() const;
  double level(double seconds) const;
  // The first moment by which `amount` requests have come, if `level` is requests a second: the
  // inverse of the profile's integral. Nothing when they never come.
  std::optional<double> moment_of(double amount) const;
  // The first moment at or after `seconds` in which user `index` is there: the level, rounded, is
  // above it. Nothing when it never is again.
  std::optional<double> user_comes(int index, double seconds) const;
  bool user_is_there(int index, double seconds) const;

 private:
  std::vector<RampStage> stages_;
  double last_ = 0;  // after the stages
};

}  // namespace puna
