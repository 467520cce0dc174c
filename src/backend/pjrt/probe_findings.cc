// "bits", "within_step" or "tolerance", then a line of three sizes for each program that differs.

#include "backend/pjrt/probe_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>

namespace puna::pjrt {
namespace {

constexpr std::array<std::string_view, 3> kExactnessWords = {"bits", "within_step", "tolerance"};

}  // namespace

std::string to_text(const ProbeFindings& findings) {
  std::string text = fmt::format("{}\n", kExactnessWords[static_cast<size_t>(findings.others)]);
  for (const ProgramSizes& sizes : findings.differing) {
    text +=
        fmt::format("{} {} {}\n", sizes.sequences, sizes.tokens_per_sequence, sizes.table_blocks);
  }
  return text;
}

std::optional<ProbeFindings> parse_findings(std::string_view text) {
  std::istringstream words{std::string(text)};
  std::string word;
  words >> word;
  const auto* const known = std::find(kExactnessWords.begin(), kExactnessWords.end(), word);
  if (known == kExactnessWords.end()) return std::nullopt;
  ProbeFindings findings;
  findings.others = static_cast<Exactness>(known - kExactnessWords.begin());
  ProgramSizes sizes;
  while (words >> sizes.sequences >> sizes.tokens_per_sequence >> sizes.table_blocks) {
    findings.differing.push_back(sizes);
  }
  if (to_text(findings) != text) return std::nullopt;
  return findings;
}

ProgramList agreeing(ProgramList programs, const ProbeFindings& findings) {
  std::erase_if(programs, [&](const ProgramSizes& sizes) {
    return std::find(findings.differing.begin(), findings.differing.end(), sizes) !=
           findings.differing.end();
  });
  return programs;
}

}  // namespace puna::pjrt
