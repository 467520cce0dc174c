// Versions as they were seen: jax-cuda13-pjrt 0.11.2 has 0.115, libneuronxla 3.0 takes 0.104.

#include "backend/pjrt/reference/rules.h"

#include <cstdlib>
#include <string_view>

namespace puna::pjrt {
namespace {

Rules chosen_rules() {
  const char* const chosen = std::getenv("PUNA_REFERENCE_PLUGIN");
  const std::string_view name = chosen == nullptr ? "xla" : chosen;
  Rules rules;
  if (name == "neuron") {
    rules = {.minor_version = 104,
             .exact_sizes = true,
             .errors_by_event_only = true,
             .platform = "neuron",
             .client_create_size = 88,
             .memory_stats_size = 185,
             .deserialize_size = 72,
             .execute_options_size = 120};
  } else if (name == "sparse") {
    rules.compiles = false;
  } else if (name == "old") {
    rules = {.minor_version = 57,
             .client_create_size = 72,
             .memory_stats_size = 185,
             .deserialize_size = 48,
             .execute_options_size = 72};
  }
  return rules;
}

}  // namespace

const Rules& rules() {
  static const Rules chosen = chosen_rules();
  return chosen;
}

Status check_size(size_t size, size_t expected) {
  if (rules().exact_sizes ? size == expected : size >= expected) return {};
  return invalid_argument("a struct of {} bytes where version 0.{} has {}", size,
                          rules().minor_version, expected);
}

}  // namespace puna::pjrt
