// start_thread: a thread, or the reason why the machine gives none.
#pragma once

#include <functional>
#include <string_view>
#include <thread>

#include "base/status.h"

namespace puna {

// kResourceExhausted says that `what` got no thread, and which limits there are.
Result<std::thread> start_thread(std::string_view what, std::function<void()> body);

}  // namespace puna
