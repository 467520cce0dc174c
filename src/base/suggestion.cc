// Levenshtein's edit distance, one row at a time.

#include "base/suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace puna {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  const std::string* nearest = nullptr;
  // Two mistakes, or a third of a long word, but never most of a short one.
  size_t distance = std::max<size_t>(word.size() / 3, word.size() > 3 ? 2 : 1) + 1;
  distance = std::min(distance, word.size());
  for (const std::string& candidate : known) {
    const size_t candidate_distance = edit_distance(word, candidate);
    if (candidate_distance < distance) {
      distance = candidate_distance;
      nearest = &candidate;
    }
  }
  return nearest == nullptr ? "" : fmt::format("; did you mean {}?", *nearest);
}

}  // namespace puna
