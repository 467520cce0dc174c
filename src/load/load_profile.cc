// Straight lines and their integrals.

#include "load/load_profile.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace puna {
namespace {

// The number at the front of `text`, which it leaves.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

std::optional<double> unit_seconds(std::string_view unit) {
  if (unit.empty() || unit == "s") return 1;
  if (unit == "ms") return 0.001;
  if (unit == "m" || unit == "min") return 60;
  if (unit == "h") return 3600;
  return std::nullopt;
}

// How long after the beginning of the stage `amount` requests have come; nothing when fewer come.
std::optional<double> inside(const RampStage& stage, double amount) {
  const double all = (stage.from + stage.to) / 2 * stage.seconds;
  if (amount > all) return std::nullopt;
  const double slope = (stage.to - stage.from) / stage.seconds;
  // from·t + slope·t²/2 = amount, solved so that nothing cancels.
  const double root = std::sqrt(std::max(0.0, stage.from * stage.from + 2 * slope * amount));
  const double sum = stage.from + root;
  return sum <= 0 ? 0 : std::min(stage.seconds, 2 * amount / sum);
}

// From which level on user `index` is there.
double threshold(int index) { return index + 0.5; }

}  // namespace

Result<double> parse_duration(std::string_view what, std::string_view text) {
  std::string_view rest = text;
  const auto number = take_number(rest);
  const auto unit = unit_seconds(rest);
  if (!number || !unit || *number <= 0 || *number * *unit > kLoadSecondsMax) {
    return invalid_argument("{}: \"{}\" is no time like 90s, 500ms, 10m or 1h", what, text);
  }
  return *number * *unit;
}

Result<RampStage> parse_ramp(std::string_view text) {
  RampStage stage;
  std::string_view rest = text;
  for (double* level : {&stage.from, &stage.to}) {
    const auto number = take_number(rest);
    if (!number || *number < 0 || *number > kLoadLevelMax || !rest.starts_with(':')) {
      return invalid_argument("--ramp: \"{}\" is not FROM:TO:TIME, e.g. 1:64:600s", text);
    }
    *level = *number;
    rest.remove_prefix(1);
  }
  ASSIGN_OR_RETURN(stage.seconds, parse_duration("--ramp", rest));
  return stage;
}

LoadProfile::LoadProfile(std::vector<RampStage> stages)
    : stages_(std::move(stages)), last_(stages_.back().to) {}

std::string LoadProfile::describe(std::string_view unit) const {
  if (stages_.empty()) return fmt::format("{:g} {}", last_, unit);
  std::string text;
  for (const RampStage& stage : stages_) {
    text += fmt::format("{}{:g} to {:g} {} in {:g} s", text.empty() ? "" : ", ", stage.from,
                        stage.to, unit, stage.seconds);
  }
  return text;
}

double LoadProfile::stage_seconds() const {
  double sum = 0;
  for (const RampStage& stage : stages_) sum += stage.seconds;
  return sum;
}

double LoadProfile::peak() const {
  double most = last_;
  for (const RampStage& stage : stages_) most = std::max({most, stage.from, stage.to});
  return most;
}

double LoadProfile::level(double seconds) const {
  for (const RampStage& stage : stages_) {
    if (seconds < stage.seconds) {
      return stage.from + (stage.to - stage.from) * std::max(0.0, seconds) / stage.seconds;
    }
    seconds -= stage.seconds;
  }
  return last_;
}

std::optional<double> LoadProfile::moment_of(double amount) const {
  double begin = 0;
  for (const RampStage& stage : stages_) {
    if (const auto moment = inside(stage, amount)) return begin + *moment;
    amount -= (stage.from + stage.to) / 2 * stage.seconds;
    begin += stage.seconds;
  }
  if (last_ <= 0) return std::nullopt;
  return begin + amount / last_;
}

std::optional<double> LoadProfile::user_comes(int index, double seconds) const {
  const double needed = threshold(index);
  double begin = 0;
  for (const RampStage& stage : stages_) {
    const double end = begin + stage.seconds;
    if (seconds < end) {
      if (level(std::max(seconds, begin)) >= needed) return std::max(seconds, begin);
      if (stage.to >= needed && stage.to > stage.from) {
        return begin + (needed - stage.from) / (stage.to - stage.from) * stage.seconds;
      }
    }
    begin = end;
  }
  if (last_ < needed) return std::nullopt;
  return std::max(seconds, begin);
}

bool LoadProfile::user_is_there(int index, double seconds) const {
  return level(seconds) >= threshold(index);
}

}  // namespace puna
