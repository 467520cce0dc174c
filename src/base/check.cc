// The one place where Puna aborts: an invariant of its own is broken.

#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace puna {

void check_failed(const char* file, int line, const char* condition, const char* sentence) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s: %s\n", file, line, condition, sentence);
  std::abort();
}

}  // namespace puna
