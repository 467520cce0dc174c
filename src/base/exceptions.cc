// The exceptions of the standard library, by kind.

#include "base/exceptions.h"

#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

namespace puna {

Status status_of_exception() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Status(StatusCode::kResourceExhausted,
                  "the server has no memory left for this; try again, or ask for less at once "
                  "(limits beside the machine's: memory.max of its control group, ulimit -v)");
  } catch (const std::length_error&) {
    return Status(StatusCode::kResourceExhausted,
                  "this needs more memory than there can be; ask for less at once");
  } catch (const std::system_error& failure) {
    if (failure.code() == std::errc::resource_unavailable_try_again) {
      return error(StatusCode::kResourceExhausted,
                   "the system refused: {} (limits of threads: ulimit -u, pids.max of the control "
                   "group; of memory: ulimit -v)",
                   failure.what());
    }
    return error(StatusCode::kResourceExhausted, "the system refused: {}", failure.what());
  } catch (const std::exception& failure) {
    return error(StatusCode::kInternal, "an unexpected failure: {}", failure.what());
  } catch (...) {
    return Status(StatusCode::kInternal, "an unexpected failure");
  }
}

}  // namespace puna
