// Exit code 1 when no plugin can be used.

#include "app/devices.h"

#include <algorithm>
#include <cstdio>

#include "backend/pjrt/device_listing.h"

namespace puna {

int run_devices(const DevicesCommand& command) {
  const auto listing = pjrt::list_devices(command.device, command.pjrt_options);
  const std::string text =
      command.json ? pjrt::to_json(listing).dump(2) + "\n" : pjrt::describe(listing);
  std::fputs(text.c_str(), stdout);
  const bool any =
      std::any_of(listing.plugins.begin(), listing.plugins.end(),
                  [](const pjrt::ListedPlugin& plugin) { return !plugin.devices.empty(); });
  return any ? 0 : 1;
}

}  // namespace puna
