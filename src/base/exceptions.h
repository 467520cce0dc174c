// catching(): what standard functions throw (no memory, no thread) becomes a Status, where work is
// given up and the program goes on.
#pragma once

#include "base/status.h"

namespace puna {

// The exception that is being handled, in words. kResourceExhausted: memory or another resource of
// the system has run out.
Status status_of_exception();

// What `work` returns, or what it threw.
template <typename Work>
Status catching(const Work& work) {
  try {
    return work();
  } catch (...) {
    return status_of_exception();
  }
}

}  // namespace puna
