// What the control groups of this process allow it: memory and processor time, v2 and v1.
//
// A limit may be set on the process's own group or on any group above it, so all of them are read
// and the tightest one counts. Inside a container the own group is usually the root of what it
// sees.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace puna {

// Where the system describes control groups; tests have folders of their own.
struct CgroupPaths {
  std::filesystem::path membership = "/proc/self/cgroup";
  std::filesystem::path mount = "/sys/fs/cgroup";
};

// Bytes that may still be allocated; nothing when no group is limited.
std::optional<int64_t> cgroup_memory_left(const CgroupPaths& paths = {});

// Processor time per time, so 1.5 is one and a half cores; nothing when no group is limited.
std::optional<double> cgroup_cpu_quota(const CgroupPaths& paths = {});

}  // namespace puna
