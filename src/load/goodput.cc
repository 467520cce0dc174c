// Names, numbers, comparisons.

#include "load/goodput.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <string_view>

#include "base/parse_number.h"

namespace puna {
namespace {

std::optional<double> milliseconds_of(std::string_view text) {
  const auto value = parse_number<double>(text);
  return value && std::isfinite(*value) && *value > 0 ? value : std::nullopt;
}

bool within(const std::optional<double>& value, const std::optional<double>& most) {
  return !value || !most || *value <= *most;
}

}  // namespace

std::string GoodputTarget::describe() const {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const std::optional<double>& seconds) {
    if (seconds) parts.push_back(fmt::format("{} <= {:g} ms", name, *seconds * 1000));
  };
  add("ttft", ttft);
  add("tpot", tpot);
  add("e2el", e2el);
  return fmt::format("{}", fmt::join(parts, ", "));
}

Result<GoodputTarget> parse_goodput(const std::vector<std::string>& targets) {
  GoodputTarget target;
  for (const std::string& text : targets) {
    const size_t colon = text.find(':');
    const std::string_view name = std::string_view(text).substr(0, colon);
    std::optional<double>* field = name == "ttft"   ? &target.ttft
                                   : name == "tpot" ? &target.tpot
                                   : name == "e2el" ? &target.e2el
                                                    : nullptr;
    const auto value = colon == text.npos
                           ? std::nullopt
                           : milliseconds_of(std::string_view(text).substr(colon + 1));
    if (field == nullptr || !value) {
      return invalid_argument(
          "--goodput: \"{}\" is not ttft:MS, tpot:MS or e2el:MS (milliseconds), e.g. ttft:500",
          text);
    }
    if (*field) return invalid_argument("--goodput: {} is given twice", name);
    *field = *value / 1000;
  }
  return target;
}

bool meets(const GoodputTarget& target, std::optional<double> ttft, std::optional<double> tpot,
           double e2el) {
  return within(ttft, target.ttft) && within(tpot, target.tpot) && within(e2el, target.e2el);
}

}  // namespace puna
