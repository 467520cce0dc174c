// Normalizer: what a tokenizer file does to text before anything is cut, step by step.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tokenizer/text_pattern.h"

namespace puna {

inline constexpr char kFromTemplate = 't';
inline constexpr char kFromPerson = 'p';

// Text that may remember, byte by byte, who wrote it; without marks nobody asks.
struct NormalText {
  std::string text;
  std::string marks;  // empty, or one of the two above for each byte
};

struct NormalizerStep {
  enum class Kind { kPrepend, kReplace, kLowercase, kStrip, kStripAccents };
  Kind kind = Kind::kPrepend;
  std::string text;                    // prepended, or put in the place of what is replaced
  std::string literal;                 // replaced when there is no pattern
  std::optional<std::string> pattern;  // replaced
  bool left = true, right = true;      // where white space is stripped
};

class Normalizer {
 public:
  Normalizer() = default;
  static Result<Normalizer> compile(std::vector<NormalizerStep> steps);

  bool empty() const { return steps_.empty(); }
  // `text` is valid UTF-8 and stays so. An error is a limit of a pattern.
  Status apply(NormalText& text) const;

 private:
  Status apply(size_t index, NormalText& text) const;

  std::vector<NormalizerStep> steps_;
  std::vector<std::optional<TextPattern>> patterns_;  // by step
};

}  // namespace puna
