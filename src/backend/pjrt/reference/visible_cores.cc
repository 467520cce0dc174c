// The runtime refuses cores that are not there, and the same one twice.

#include "backend/pjrt/reference/visible_cores.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include "base/parse_number.h"

namespace puna::pjrt {
namespace {

constexpr int64_t kMachineCores = 24;

Result<int64_t> number(std::string_view text) {
  const auto value = parse_number<int64_t>(text);
  if (value && *value >= 0 && *value <= kMachineCores) return *value;
  return invalid_argument("'{}' is no number of cores: this machine has {}", text, kMachineCores);
}

// "A" or "A-B"; how many it names.
Result<int64_t> mark(std::string_view range, std::array<bool, kMachineCores>& seen) {
  const size_t dash = range.find('-');
  ASSIGN_OR_RETURN(const int64_t first, number(range.substr(0, dash)));
  int64_t last = first;
  if (dash != range.npos) {
    ASSIGN_OR_RETURN(last, number(range.substr(dash + 1)));
  }
  if (last >= kMachineCores || last < first) {
    return invalid_argument("there are no cores {}", range);
  }
  for (int64_t core = first; core <= last; ++core) {
    bool& is_seen = seen[static_cast<size_t>(core)];
    if (is_seen) return invalid_argument("core {} is named twice", core);
    is_seen = true;
  }
  return last - first + 1;
}

}  // namespace

Result<std::optional<int64_t>> visible_cores() {
  const char* const named = std::getenv("NEURON_RT_VISIBLE_CORES");
  if (named == nullptr) {
    const char* const count = std::getenv("NEURON_RT_NUM_CORES");
    if (count == nullptr) return std::optional<int64_t>();
    ASSIGN_OR_RETURN(const int64_t cores, number(count));
    return std::optional(cores);
  }
  std::array<bool, kMachineCores> seen = {};
  int64_t cores = 0;
  std::string_view rest = named;
  while (true) {
    const size_t comma = rest.find(',');
    ASSIGN_OR_RETURN(const int64_t some, mark(rest.substr(0, comma), seen));
    cores += some;
    if (comma == rest.npos) return std::optional(cores);
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace puna::pjrt
