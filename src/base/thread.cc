// std::thread throws when the machine gives no thread.

#include "base/thread.h"

#include "base/exceptions.h"

namespace puna {

Result<std::thread> start_thread(std::string_view what, std::function<void()> body) {
  try {
    return std::thread(std::move(body));
  } catch (...) {
    return status_of_exception().with_context(what);
  }
}

}  // namespace puna
