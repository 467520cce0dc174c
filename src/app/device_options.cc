// A flag was given when it is not as it is by default.

#include "app/device_options.h"

#include <utility>

namespace puna {

Status check_device_options(const DeviceOptions& options, std::string_view backend, int group) {
  const DeviceOptions defaults;
  if (backend == "pjrt") {
    if (group == 0) return {};
    return invalid_argument("--group {}: weights on devices have no groups; leave it out", group);
  }
  const std::pair<const char*, bool> given[] = {
      {"--device", options.device != defaults.device},
      {"--tp-degree", options.tp_degree != defaults.tp_degree},
      {"--pjrt-option", !options.pjrt_options.empty()},
      {"--executable-store", options.executable_store != defaults.executable_store},
      {"--emit-stablehlo", !options.emit_stablehlo.empty()},
      {"--no-batch-invariance", !options.batch_invariance},
      {"--device-memory-utilization",
       options.device_memory_utilization != defaults.device_memory_utilization}};
  for (const auto& [flag, is_given] : given) {
    if (!is_given) continue;
    return invalid_argument(
        "{} has no effect with --backend {}: leave it out, or add --backend pjrt", flag, backend);
  }
  return {};
}

PjrtOptions pjrt_options(const DeviceOptions& options, const std::string& weights,
                         const std::string& kv_cache_dtype) {
  return {.device = options.device,
          .tp_degree = options.tp_degree,
          .weights = parse_weight_format(weights),
          .kv_cache_type = parse_kv_cache_type(kv_cache_dtype),
          .client_options = options.pjrt_options,
          .program_folder = options.emit_stablehlo,
          .executable_store = options.executable_store,
          .memory_utilization = options.device_memory_utilization,
          .batch_invariance = options.batch_invariance};
}

}  // namespace puna
