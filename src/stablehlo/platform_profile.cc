// One line for each platform.

#include "stablehlo/platform_profile.h"

namespace puna::stablehlo {
namespace {

constexpr PlatformProfile kProfiles[] = {
    {"cpu", TensorParallelMode::kReplicas, KvRead::kTables, ElementType::kF32},
    {"cuda", TensorParallelMode::kReplicas, KvRead::kTables},
    // Neuron's plugin partitions by Shardy, and its gathers are slow and must stay in range.
    {"neuron", TensorParallelMode::kPartitions, KvRead::kSlots},
    {"tpu", TensorParallelMode::kPartitions, KvRead::kTables},
};

}  // namespace

std::span<const PlatformProfile> platform_profiles() { return kProfiles; }

std::optional<PlatformProfile> find_platform_profile(std::string_view name) {
  for (const PlatformProfile& profile : kProfiles) {
    if (profile.name == name) return profile;
  }
  return std::nullopt;
}

}  // namespace puna::stablehlo
