// /proc/self/cgroup has one line per hierarchy: "0::/path" for v2, "4:cpu,cpuacct:/path" for v1.

#include "base/cgroup.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace puna {
namespace {

namespace fs = std::filesystem;

// More groups inside each other than anybody nests.
constexpr int kDepthMax = 64;

// The number in a file such as memory.max; nothing for "max" or no file.
std::optional<int64_t> read_number(const fs::path& path) {
  int64_t value = 0;
  if (std::ifstream(path) >> value) return value;
  return std::nullopt;
}

// Whether `list` ("cpu,cpuacct") names `controller`.
bool names_controller(std::string_view list, std::string_view controller) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (list.substr(0, comma) == controller) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// The path of the process in the hierarchy of a v1 controller, or of v2 for an empty name.
std::optional<std::string> membership(const CgroupPaths& paths, std::string_view controller) {
  std::ifstream file(paths.membership);
  std::string line;
  while (std::getline(file, line)) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view list = std::string_view(line).substr(first + 1, second - first - 1);
    const bool is_wanted =
        controller.empty() ? line.starts_with("0::") : names_controller(list, controller);
    if (is_wanted) return line.substr(second + 1);
  }
  return std::nullopt;
}

// From the process's own group up to the root. A container sees its own group at the root, and may
// be told a path of the host that it cannot see: folders that do not exist are left out.
std::vector<fs::path> groups(const CgroupPaths& paths, std::string_view controller) {
  const fs::path root = controller.empty() ? paths.mount : paths.mount / controller;
  std::vector<fs::path> found;
  fs::path path = fs::path(membership(paths, controller).value_or("/")).relative_path();
  std::error_code ignored;
  for (int depth = 0; depth < kDepthMax && !path.empty(); ++depth) {
    if (fs::is_directory(root / path, ignored)) found.push_back(root / path);
    path = path.parent_path();
  }
  found.push_back(root);
  return found;
}

template <class T>
void keep_smaller(std::optional<T>& smallest, const std::optional<T>& value) {
  if (value && (!smallest || *value < *smallest)) smallest = value;
}

// Bytes of the page cache in a memory.stat: the system takes them back before it refuses anything,
// so they count as free, as MemAvailable counts them. v1 has the sum over groups below as "total_".
int64_t page_cache_bytes(const fs::path& stat_file, std::string_view prefix) {
  std::ifstream file(stat_file);
  std::string key;
  int64_t value = 0;
  int64_t sum = 0;
  while (file >> key >> value) {
    if (!key.starts_with(prefix)) continue;
    const std::string_view name = std::string_view(key).substr(prefix.size());
    if (name == "inactive_file" || name == "active_file") sum += value;
  }
  return sum;
}

// `limit` and `used` are files of the group.
std::optional<int64_t> memory_left(const fs::path& group, const char* limit, const char* used,
                                   std::string_view stat_prefix) {
  const auto limit_bytes = read_number(group / limit);
  if (!limit_bytes) return std::nullopt;
  const int64_t used_bytes =
      read_number(group / used).value_or(0) - page_cache_bytes(group / "memory.stat", stat_prefix);
  return std::max<int64_t>(0, *limit_bytes - std::max<int64_t>(0, used_bytes));
}

// v2: "max 100000" or "200000 100000", microseconds in every period of microseconds.
std::optional<double> quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0;
  double period = 0;
  if (file >> quota >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

std::optional<double> quota_v1(const fs::path& group) {
  const auto quota = read_number(group / "cpu.cfs_quota_us");  // -1: unlimited
  const auto period = read_number(group / "cpu.cfs_period_us");
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

}  // namespace

std::optional<int64_t> cgroup_memory_left(const CgroupPaths& paths) {
  std::optional<int64_t> left;
  for (const fs::path& group : groups(paths, "")) {
    keep_smaller(left, memory_left(group, "memory.max", "memory.current", ""));
  }
  for (const fs::path& group : groups(paths, "memory")) {
    keep_smaller(left,
                 memory_left(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"));
  }
  return left;
}

std::optional<double> cgroup_cpu_quota(const CgroupPaths& paths) {
  std::optional<double> quota;
  for (const fs::path& group : groups(paths, "")) keep_smaller(quota, quota_v2(group));
  for (const fs::path& group : groups(paths, "cpu")) keep_smaller(quota, quota_v1(group));
  return quota;
}

}  // namespace puna
