// A plugin that cannot be opened is a line of the list, not an end of it.

#include "backend/pjrt/device_listing.h"

#include <fmt/format.h>

#include "backend/pjrt/devices.h"
#include "backend/pjrt/plugin_places.h"
#include "base/bytes.h"

namespace puna::pjrt {
namespace {

Status list_plugin(const std::vector<std::string>& options, ListedPlugin& listed) {
  ASSIGN_OR_RETURN(const OpenDevices open, open_devices({.device = listed.path,
                                                         .device_count = 1,
                                                         .client_options = options,
                                                         .only_lists = true}));
  listed.api_version = open.plugin->api_version();
  listed.platform = open.platform;
  const auto version = open.client.platform_version();
  if (version.ok()) listed.platform += ", " + *version;
  for (size_t i = 0; i < open.client.device_count(); ++i) {
    ListedDevice device;
    ASSIGN_OR_RETURN(device.kind, open.client.device_kind(i));
    const auto memory = open.client.memory(i);
    if (memory.ok()) device.memory = *memory;
    listed.devices.push_back(std::move(device));
  }
  return {};
}

ListedPlugin list_one(const std::string& device, const std::vector<std::string>& options) {
  ListedPlugin listed;
  listed.name = device;
  const auto found = choose_plugin(device);
  if (!found.ok()) {
    listed.problem = found.status().message();
    return listed;
  }
  listed.path = found->path.string();
  listed.problem = list_plugin(options, listed).message();
  return listed;
}

std::string describe_memory(const DeviceMemoryStats& memory) {
  if (memory.limit_bytes == 0) return "";
  return fmt::format(", {} of {} in use", describe_bytes(memory.used_bytes),
                     describe_bytes(memory.limit_bytes));
}

}  // namespace

DeviceListing list_devices(const std::string& device, const std::vector<std::string>& options) {
  DeviceListing listing;
  for (const auto& folder : site_packages()) listing.folders.push_back(folder.string());
  if (device != "auto") {
    listing.plugins.push_back(list_one(device, options));
    return listing;
  }
  for (const DeviceKind& kind : device_kinds()) {
    listing.plugins.push_back(list_one(std::string(kind.name), options));
  }
  return listing;
}

std::string describe(const DeviceListing& listing) {
  std::string text;
  bool has_all = true;
  for (const ListedPlugin& plugin : listing.plugins) {
    const std::string& said = plugin.path.empty() ? plugin.problem : plugin.path;
    text += plugin.name == said ? said + "\n" : fmt::format("{}: {}\n", plugin.name, said);
    if (plugin.path.empty()) {
      has_all = false;
      continue;
    }
    if (!plugin.api_version.empty()) {
      text += fmt::format("  PJRT C API {}, platform {}\n", plugin.api_version, plugin.platform);
    }
    for (size_t i = 0; i < plugin.devices.size(); ++i) {
      text += fmt::format("  device {}: {}{}\n", i, plugin.devices[i].kind,
                          describe_memory(plugin.devices[i].memory));
    }
    if (!plugin.problem.empty()) text += fmt::format("  cannot be used: {}\n", plugin.problem);
  }
  if (has_all) return text;
  text += "Python folders that were looked into:";
  for (const std::string& folder : listing.folders) text += "\n  " + folder;
  return text + (listing.folders.empty() ? " none is here\n" : "\n");
}

Json to_json(const DeviceListing& listing) {
  Json plugins = Json::array();
  for (const ListedPlugin& plugin : listing.plugins) {
    Json devices = Json::array();
    for (const ListedDevice& device : plugin.devices) {
      Json one = {{"kind", device.kind}};
      if (device.memory.limit_bytes > 0) {
        one["memory_bytes"] = device.memory.limit_bytes;
        one["used_bytes"] = device.memory.used_bytes;
      }
      devices.push_back(std::move(one));
    }
    Json one = {{"name", plugin.name}, {"found", !plugin.path.empty()}, {"devices", devices}};
    if (!plugin.path.empty()) one["path"] = plugin.path;
    if (!plugin.problem.empty()) one["problem"] = plugin.problem;
    if (!plugin.api_version.empty()) {
      one["api_version"] = plugin.api_version;
      one["platform"] = plugin.platform;
    }
    plugins.push_back(std::move(one));
  }
  return {{"plugins", plugins}, {"looked_in", listing.folders}};
}

}  // namespace puna::pjrt
