// Python's re and PCRE2 agree on what names of modules are written with.

#include "model/module_patterns.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <string>

#include "base/utf8.h"

namespace puna {
namespace {

constexpr uint32_t kMatchSteps = 100000;  // a name has some dozens of letters

PCRE2_SPTR bytes_of(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
  void operator()(pcre2_match_context* limits) const { pcre2_match_context_free(limits); }
};

}  // namespace

struct ModulePatterns::Pattern {
  std::unique_ptr<pcre2_code, Free> code;
  double value = 0;
};

Result<ModulePatterns> ModulePatterns::parse(const OrderedJson& patterns) {
  if (!patterns.is_object() || patterns.size() > kModulePatternsMax) {
    return invalid_argument("expected an object of at most {} names with numbers",
                            kModulePatternsMax);
  }
  ModulePatterns parsed;
  for (const auto& [key, value] : patterns.items()) {
    if (!value.is_number()) {
      return invalid_argument("{} is not a number", escape_for_terminal(key));
    }
    const std::string source = "(.*\\.)?(" + key + ")$";
    int code = 0;
    PCRE2_SIZE offset = 0;
    const auto pattern = std::make_shared<Pattern>();
    pattern->code.reset(pcre2_compile(bytes_of(source), source.size(),
                                      PCRE2_ANCHORED | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code,
                                      &offset, nullptr));
    if (!pattern->code) {
      return invalid_argument("{} is not a regular expression", escape_for_terminal(key));
    }
    pattern->value = value.get<double>();
    parsed.patterns_.push_back(pattern);
  }
  return parsed;
}

std::optional<double> ModulePatterns::find(std::string_view module) const {
  if (patterns_.empty()) return std::nullopt;
  const std::unique_ptr<pcre2_match_data, Free> match(pcre2_match_data_create(1, nullptr));
  const std::unique_ptr<pcre2_match_context, Free> limits(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(limits.get(), kMatchSteps);
  for (const auto& pattern : patterns_) {
    if (pcre2_match(pattern->code.get(), bytes_of(module), module.size(), 0, 0, match.get(),
                    limits.get()) >= 0) {
      return pattern->value;
    }
  }
  return std::nullopt;
}

std::vector<double> ModulePatterns::values() const {
  std::vector<double> values;
  for (const auto& pattern : patterns_) values.push_back(pattern->value);
  return values;
}

}  // namespace puna
