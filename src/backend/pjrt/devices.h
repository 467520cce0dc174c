// open_devices(): a plugin and its devices, opened the way its kind wants it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/pjrt/client.h"
#include "base/status.h"
#include "stablehlo/platform_profile.h"

namespace puna::pjrt {

struct DeviceRequest {
  std::string device = "auto";                   // as choose_plugin() takes it
  int device_count = 1;                          // at least
  std::vector<std::string> client_options = {};  // "name=value"
  double memory_utilization = 0.9;
  bool only_lists = false;  // takes no memory of the devices
};

struct OpenDevices {
  stablehlo::PlatformProfile profile;
  std::shared_ptr<const Plugin> plugin;
  std::string platform;  // the plugin's own word
  DeviceClient client;
};

// kFailedPrecondition when there are fewer devices, other codes by what went wrong; each says what
// to do.
Result<OpenDevices> open_devices(const DeviceRequest& request);

// "name=value": an integer, true or false, a number with a point, or text.
Result<ClientOption> parse_client_option(const std::string& text);

}  // namespace puna::pjrt
