// ModulePatterns: PEFT's rank_pattern and alpha_pattern: numbers for modules by regular expression.
//
// A key fits a module when it matches its whole name or its end after a dot; the first key that
// fits counts (PEFT's get_pattern_key). Immutable and thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace puna {

inline constexpr size_t kModulePatternsMax = 65536;

class ModulePatterns {
 public:
  // From {"layers.1.self_attn.q_proj": 8, …}.
  static Result<ModulePatterns> parse(const OrderedJson& patterns);

  std::optional<double> find(std::string_view module) const;
  std::vector<double> values() const;

 private:
  struct Pattern;
  std::vector<std::shared_ptr<const Pattern>> patterns_;
};

}  // namespace puna
