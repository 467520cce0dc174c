// What each kind wants in its environment and as options; sources are in docs/accelerators.md.

#include "backend/pjrt/devices.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "backend/pjrt/plugin_places.h"
#include "base/file_descriptor.h"
#include "base/parse_number.h"

namespace puna::pjrt {
namespace {

// The newest version whose structs libneuronpjrt 3.0 takes; it wants to be told.
constexpr int kNeuronMinorVersion = 104;

// For the bootstrap of Neuron's collectives; 0 when the system gives none.
int free_loopback_port() {
  const FileDescriptor descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(descriptor.get(), generic, size) != 0) return 0;
  if (::getsockname(descriptor.get(), generic, &size) != 0) return 0;
  return ntohs(address.sin_port);
}

PluginOptions plugin_options(const FoundPlugin& found) {
  PluginOptions options = {.path = found.path};
  if (found.kind != "neuron") return options;
  options.minor_version_max = kNeuronMinorVersion;
  options.environment = {
      {"NEURON_INTERNAL_PJRT_C_API_VERSION", fmt::format("0.{}", kNeuronMinorVersion)},
      {"NEURON_RT_ROOT_COMM_ID", fmt::format("127.0.0.1:{}", free_loopback_port())},
      {"NEURON_RT_STOCHASTIC_ROUNDING_EN", "0"},  // the same step gives the same bits
      {"NEURON_RT_LOG_LEVEL", "error"}};
  return options;
}

// The profile for what the plugin calls its platform, where its file's name said nothing.
stablehlo::PlatformProfile profile_of(const std::string& kind, const std::string& platform) {
  for (const std::string& name : {kind, platform}) {
    if (const auto profile = stablehlo::find_platform_profile(name)) return *profile;
  }
  const bool is_gpu = platform == "gpu" || platform == "rocm" || platform == "ROCM";
  return *stablehlo::find_platform_profile(is_gpu ? "cuda" : "cpu");
}

constexpr const char* kVirtualDevices = "cpu_device_count";

// A processor has as many devices as are asked for, unless the user has said how many.
bool may_have_more(const stablehlo::PlatformProfile& profile,
                   const std::vector<ClientOption>& options) {
  return profile.name == "cpu" &&
         std::none_of(options.begin(), options.end(),
                      [](const ClientOption& option) { return option.name == kVirtualDevices; });
}

Result<std::vector<ClientOption>> client_options(const DeviceRequest& request,
                                                 const std::string& kind) {
  std::vector<ClientOption> options;
  bool sets_share = false;
  for (const std::string& text : request.client_options) {
    ASSIGN_OR_RETURN(ClientOption option, parse_client_option(text));
    sets_share = sets_share || option.name == "memory_fraction";
    options.push_back(std::move(option));
  }
  // XLA takes this share of a GPU's memory at once.
  if (kind == "cuda" && request.only_lists) options.push_back({"preallocate", false});
  if (kind == "cuda" && !sets_share && !request.only_lists) {
    options.push_back({"memory_fraction", static_cast<float>(request.memory_utilization)});
  }
  return options;
}

Status too_few_devices(const DeviceRequest& request, const DeviceClient& client) {
  return error(StatusCode::kFailedPrecondition,
               "--tp-degree {} needs as many devices, and there are {}: lower it, or give this "
               "process more of them",
               request.device_count, client.device_count());
}

}  // namespace

Result<ClientOption> parse_client_option(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0) {
    return invalid_argument("--pjrt-option {}: expected NAME=VALUE", text);
  }
  const std::string name = text.substr(0, equals);
  const std::string value = text.substr(equals + 1);
  if (value == "true" || value == "false") return ClientOption{name, value == "true"};
  if (const auto integer = parse_number<int64_t>(value)) return ClientOption{name, *integer};
  if (const auto real = parse_number<float>(value)) return ClientOption{name, *real};
  return ClientOption{name, value};
}

Result<OpenDevices> open_devices(const DeviceRequest& request) {
  ASSIGN_OR_RETURN(const FoundPlugin found, choose_plugin(request.device));
  ASSIGN_OR_RETURN(std::vector<ClientOption> options, client_options(request, found.kind));
  ASSIGN_OR_RETURN(std::shared_ptr<const Plugin> plugin, Plugin::open(plugin_options(found)));
  auto created = DeviceClient::create(plugin, options);
  if (!created.ok()) {
    return created.status().with_context(fmt::format("{} opens no devices", found.path.string()));
  }
  DeviceClient client = std::move(created).value();
  ASSIGN_OR_RETURN(const std::string platform, client.platform_name());
  const stablehlo::PlatformProfile profile = profile_of(found.kind, platform);
  const auto wanted = static_cast<size_t>(request.device_count);
  if (client.device_count() < wanted && may_have_more(profile, options)) {
    options.push_back({kVirtualDevices, int64_t{request.device_count}});
    ASSIGN_OR_RETURN(client, DeviceClient::create(plugin, options));
  }
  if (client.device_count() < wanted) return too_few_devices(request, client);
  return OpenDevices{profile, std::move(plugin), platform, std::move(client)};
}

}  // namespace puna::pjrt
