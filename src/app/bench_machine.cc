// Lines of /proc are "key: value".

#include "app/bench_machine.h"

#include <sys/utsname.h>

#include <cstdlib>
#include <fstream>

namespace puna {
namespace {

// The value of the first line that begins with `key`, without the blanks around it.
std::string value_of(const char* file, std::string_view key) {
  std::ifstream lines(file);
  std::string line;
  while (std::getline(lines, line)) {
    const size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? std::string() : line.substr(begin);
  }
  return {};
}

}  // namespace

std::string processor_name() {
  std::string name = value_of("/proc/cpuinfo", "model name");
  if (!name.empty()) return name;
  utsname system = {};
  return ::uname(&system) == 0 ? system.machine : "unknown";
}

int64_t resident_bytes() {
  const std::string kilobytes = value_of("/proc/self/status", "VmRSS");  // "123 kB"
  return std::strtoll(kilobytes.c_str(), nullptr, 10) * 1024;
}

}  // namespace puna
