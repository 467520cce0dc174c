// One rounding for all.

#include "base/bytes.h"

#include <fmt/format.h>

namespace puna {

std::string describe_bytes(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  // From where a unit would be shown as a thousand of the next smaller one.
  if (bytes >= 999'950'000) return fmt::format("{:.1f} GB", value / 1e9);
  if (bytes >= 999'500) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.0f} kB", value / 1e3);
}

}  // namespace puna
