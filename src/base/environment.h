// environment: a variable of the process, for those to whom an empty one is none.
#pragma once

#include <cstdlib>
#include <string>

namespace puna {

// "" when it is not set.
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace puna
