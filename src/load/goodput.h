// Goodput: the share of requests that were as fast as somebody wants them, in the words of vLLM's
// --goodput: ttft:500 tpot:100 e2el:10000, milliseconds. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace puna {

struct GoodputTarget {
  std::optional<double> ttft, tpot, e2el;  // seconds; nothing: as long as it likes

  bool any() const { return ttft || tpot || e2el; }
  std::string describe() const;
};

// Each "NAME:MILLISECONDS".
Result<GoodputTarget> parse_goodput(const std::vector<std::string>& targets);

// Of an answer that succeeded. Without a token, or with one alone, what it has not is no fault.
bool meets(const GoodputTarget& target, std::optional<double> ttft, std::optional<double> tpot,
           double e2el);

}  // namespace puna
