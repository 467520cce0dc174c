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
                  "no memory is left for this; try again, ask for less at once, or raise its limit "
                  "(the control group's memory.max, ulimit -v)");
  } catch (const std::length_error&) {
    return Status(StatusCode::kResourceExhausted,
                  "this needs more memory than there can be; ask for less at once");
  } catch (const std::system_error& failure) {
    if (failure.code() == std::errc::resource_unavailable_try_again) {
      return error(StatusCode::kResourceExhausted,
                   "cannot start a thread: {}; the limit of processes (ulimit -u), of the control "
                   "group (pids.max) or of memory (ulimit -v) is too low",
                   failure.code().message());
    }
    return error(StatusCode::kResourceExhausted, "the system refused: {}", failure.what());
  } catch (const std::exception& failure) {
    return error(StatusCode::kInternal, "an unexpected failure: {}", failure.what());
  } catch (...) {
    return Status(StatusCode::kInternal, "an unexpected failure");
  }
}

}  // namespace puna
