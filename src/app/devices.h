// puna devices: which accelerators are here, and the plugins that lead to them.
#pragma once

#include "app/options.h"

namespace puna {

int run_devices(const DevicesCommand& command);

}  // namespace puna
