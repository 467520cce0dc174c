// What `puna devices` says: plugins that are there or not, and the devices behind them.
#pragma once

#include <string>
#include <vector>

#include "backend/pjrt/client.h"
#include "base/json.h"

namespace puna::pjrt {

struct ListedDevice {
  std::string kind;
  DeviceMemoryStats memory;  // of zero bytes where the plugin does not count
};

struct ListedPlugin {
  std::string name;     // "neuron", or the file that was asked for
  std::string path;     // empty: not found
  std::string problem;  // why it cannot be used; empty: it can
  std::string api_version;
  std::string platform;  // the plugin's own words, with its version
  std::vector<ListedDevice> devices;
};

struct DeviceListing {
  std::vector<ListedPlugin> plugins;
  std::vector<std::string> folders;  // where packages were looked for
};

// `device` is "auto" for all kinds, one of them, or a file; options as --pjrt-option has them.
DeviceListing list_devices(const std::string& device, const std::vector<std::string>& options);

std::string describe(const DeviceListing& listing);
Json to_json(const DeviceListing& listing);

}  // namespace puna::pjrt
