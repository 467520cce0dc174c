// A reader that remembers where it is, so that every message names the field.

#include "plan/catalogue.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/check.h"
#include "base/json.h"
#include "base/utf8.h"

namespace puna::plan {
namespace {

constexpr double kGibibyte = 1024.0 * 1024 * 1024;
constexpr double kDiskGibibytes = 500;  // of a node, as components/karpenter has it

// One object of the file: its fields as the types they must have.
class Fields {
 public:
  Fields(const Json& object, std::string place) : object_(object), place_(std::move(place)) {}

  Status wrong(std::string_view name, std::string_view rule) const {
    const auto found = object_.find(name);
    const std::string value = found == object_.end() ? "missing" : dump_json(*found);
    return invalid_argument("{}{} is {}, and must be {}", place_, name,
                            escape_for_terminal(value.substr(0, kNameBytesMax)), rule);
  }

  // Above zero, or from zero on where zero means something.
  Result<double> number(const char* name, std::optional<double> otherwise = {}) const {
    const auto found = object_.find(name);
    if (found == object_.end() && otherwise) return *otherwise;
    if (found != object_.end() && found->is_number()) {
      const auto value = found->get<double>();
      const bool is_above = otherwise ? value >= 0 : value > 0;
      if (std::isfinite(value) && is_above && value <= kNumberMax) return value;
    }
    return wrong(name, otherwise ? "a number from 0 to 1e9" : "a number above 0, up to 1e9");
  }

  Result<int> count(const char* name, std::optional<int> otherwise = {}) const {
    const auto found = object_.find(name);
    if (found == object_.end() && otherwise) return *otherwise;
    constexpr int kCountMax = 1 << 20;
    if (found != object_.end() && found->is_number_integer() && *found >= (otherwise ? 0 : 1) &&
        *found <= kCountMax) {
      return found->get<int>();
    }
    return wrong(name, otherwise ? "a whole number from 0" : "a whole number from 1");
  }

  Result<std::string> text(const char* name, std::optional<std::string> otherwise = {},
                           size_t bytes_max = kNameBytesMax) const {
    const auto found = object_.find(name);
    if (found == object_.end() && otherwise) return *otherwise;
    if (found != object_.end() && found->is_string()) {
      auto value = found->get<std::string>();
      if (!value.empty() && value.size() <= bytes_max && escape_for_terminal(value) == value) {
        return value;
      }
    }
    return wrong(name, "a short text");
  }

  const Json& json() const { return object_; }

 private:
  const Json& object_;
  std::string place_;
};

Result<std::vector<std::string>> texts(const Fields& fields, const char* name) {
  std::vector<std::string> all;
  const auto found = fields.json().find(name);
  if (found == fields.json().end() || !found->is_array() || found->size() > kCatalogueEntriesMax) {
    return fields.wrong(name, "a list of texts");
  }
  for (const Json& one : *found) {
    if (!one.is_string()) return fields.wrong(name, "a list of texts");
    all.push_back(one.get<std::string>());
  }
  return all;
}

Result<std::vector<int>> degrees_of(const Fields& fields) {
  std::vector<int> degrees;
  const auto found = fields.json().find("degrees");
  if (found == fields.json().end()) return degrees;
  if (!found->is_array() || found->size() > kCatalogueEntriesMax) {
    return fields.wrong("degrees", "a list of whole numbers");
  }
  for (const Json& one : *found) {
    if (!one.is_number_integer() || one < 1 || one > kCatalogueEntriesMax) {
      return fields.wrong("degrees", "a list of whole numbers from 1 to 1000");
    }
    degrees.push_back(one.get<int>());
  }
  return degrees;
}

Result<DeviceKind> kind_of(const Fields& fields) {
  ASSIGN_OR_RETURN(const std::string kind, fields.text("kind"));
  if (kind == "cpu") return DeviceKind::kCpu;
  if (kind == "gpu") return DeviceKind::kGpu;
  if (kind == "neuron") return DeviceKind::kNeuron;
  return fields.wrong("kind", "cpu, gpu or neuron");
}

Result<double> share_of(const Fields& fields, const char* name) {
  ASSIGN_OR_RETURN(const double share, fields.number(name));
  if (share <= 1) return share;
  return fields.wrong(name, "a share above 0, up to 1");
}

Result<Device> read_device(const std::string& name, const Fields& fields) {
  constexpr size_t kNoteBytesMax = 1000;
  Device device;
  device.name = name;
  ASSIGN_OR_RETURN(device.kind, kind_of(fields));
  ASSIGN_OR_RETURN(const double memory, fields.number("memory_gib"));
  ASSIGN_OR_RETURN(const double read, fields.number("read_gb_s"));
  ASSIGN_OR_RETURN(const double operations, fields.number("tera_operations"));
  device.memory_bytes = memory * kGibibyte;
  device.bytes_per_second = read * 1e9;
  device.operations_per_second = operations * 1e12;
  ASSIGN_OR_RETURN(device.memory_share, share_of(fields, "memory_share"));
  ASSIGN_OR_RETURN(device.compute_share, share_of(fields, "compute_share"));
  ASSIGN_OR_RETURN(device.hidden_half, fields.number("hidden_half", 0));
  ASSIGN_OR_RETURN(const double layer, fields.number("layer_microseconds", 0));
  ASSIGN_OR_RETURN(const double collective, fields.number("collective_microseconds", 0));
  device.layer_seconds = layer * 1e-6;
  device.collective_seconds = collective * 1e-6;
  ASSIGN_OR_RETURN(device.documented_degrees, degrees_of(fields));
  ASSIGN_OR_RETURN(device.note, fields.text("note", "", kNoteBytesMax));
  ASSIGN_OR_RETURN(const std::vector<std::string> formats, texts(fields, "formats"));
  for (const std::string& format : formats) {
    const auto known = parse_weight_format(format);
    if (!known) return fields.wrong("formats", "a list of f32, bf16, int8, int4");
    device.formats.push_back(*known);
  }
  if (device.formats.empty()) return fields.wrong("formats", "a list of f32, bf16, int8, int4");
  return device;
}

using Devices = std::map<std::string, Device>;

Result<Instance> read_instance(const std::string& name, const Fields& fields,
                               const Devices& devices) {
  Instance instance;
  instance.name = name;
  instance.family = name.substr(0, name.find('.'));
  ASSIGN_OR_RETURN(instance.vcpus, fields.count("vcpus"));
  ASSIGN_OR_RETURN(const double memory, fields.number("gib"));
  instance.memory_bytes = memory * kGibibyte;
  ASSIGN_OR_RETURN(instance.chips, fields.count("chips", 0));
  ASSIGN_OR_RETURN(instance.device_count, fields.count("devices"));
  ASSIGN_OR_RETURN(instance.hour, fields.number("hour"));
  ASSIGN_OR_RETURN(const std::string device, fields.text("device"));
  const auto found = devices.find(device);
  if (found == devices.end()) return fields.wrong("device", "a name below devices");
  instance.device = found->second;
  if (instance.device.kind == DeviceKind::kCpu) {
    instance.device.memory_bytes = instance.memory_bytes / instance.device_count;
  }
  return instance;
}

Result<Figure> read_figure(const Fields& fields) {
  constexpr size_t kSourceBytesMax = 300;
  Figure figure;
  ASSIGN_OR_RETURN(const std::string origin, fields.text("origin"));
  if (origin != "published" && origin != "measured") {
    return fields.wrong("origin", "published or measured");
  }
  figure.origin = origin == "measured" ? Origin::kMeasured : Origin::kPublished;
  ASSIGN_OR_RETURN(figure.shape, fields.text("shape"));
  ASSIGN_OR_RETURN(figure.instance, fields.text("instance"));
  ASSIGN_OR_RETURN(figure.degree, fields.count("degree"));
  ASSIGN_OR_RETURN(figure.batch, fields.count("batch"));
  ASSIGN_OR_RETURN(figure.prompt, fields.number("prompt"));
  ASSIGN_OR_RETURN(figure.depth, fields.number("depth"));
  ASSIGN_OR_RETURN(figure.ttft_ms, fields.number("ttft_ms", 0));
  ASSIGN_OR_RETURN(figure.tpot_ms, fields.number("tpot_ms"));
  ASSIGN_OR_RETURN(figure.source, fields.text("source", {}, kSourceBytesMax));
  return figure;
}

// Calls `read(name, fields)` for each object below `section`.
template <typename Read>
Status for_each(const Json& document, const char* section, std::string_view origin, Read read) {
  const auto found = document.find(section);
  const bool is_there = found != document.end() && found->is_structured();
  if (!is_there || found->empty() || found->size() > kCatalogueEntriesMax) {
    return invalid_argument("{}: {} must hold 1 to {} entries", origin, section,
                            kCatalogueEntriesMax);
  }
  for (const auto& [name, value] : found->items()) {
    const std::string shown = escape_for_terminal(name.substr(0, kNameBytesMax));
    const std::string place = fmt::format("{}: {}.{}.", origin, section, shown);
    if (!value.is_object() || name.size() > kNameBytesMax || shown != name) {
      return invalid_argument("{}: {}.{} must be an object with a plain, short name", origin,
                              section, shown);
    }
    RETURN_IF_ERROR(read(name, Fields(value, place)));
  }
  return {};
}

Status read_sections(const Json& document, std::string_view origin, Catalogue& catalogue) {
  Devices devices;
  RETURN_IF_ERROR(for_each(document, "devices", origin, [&](const auto& name, const auto& fields) {
    auto device = read_device(name, fields);
    if (device.ok()) devices[name] = *device;
    return device.status();
  }));
  if (!devices.contains("here") || devices["here"].kind != DeviceKind::kCpu) {
    return invalid_argument("{}: devices.here must be a cpu: the shares of this machine", origin);
  }
  catalogue.here = devices["here"];
  RETURN_IF_ERROR(
      for_each(document, "instances", origin, [&](const auto& name, const auto& fields) {
        auto instance = read_instance(name, fields, devices);
        if (instance.ok()) catalogue.instances.push_back(*instance);
        return instance.status();
      }));
  RETURN_IF_ERROR(for_each(document, "regions", origin, [&](const auto& name, const auto& fields) {
    auto families = texts(fields, "families");
    if (families.ok()) catalogue.regions.push_back({name, *families});
    return families.status();
  }));
  return for_each(document, "figures", origin, [&](const auto&, const auto& fields) {
    auto figure = read_figure(fields);
    if (figure.ok()) catalogue.figures.push_back(*figure);
    return figure.status();
  });
}

}  // namespace

std::string_view describe(Origin origin) {
  switch (origin) {
    case Origin::kPublished:
      return "published";
    case Origin::kRoofline:
      return "roofline";
    case Origin::kMeasured:
      return "measured";
  }
  check_failed(__FILE__, __LINE__, "origin", "an Origin that does not exist");
}

Result<Catalogue> parse_catalogue(std::string_view json_text, std::string_view origin) {
  if (json_text.size() > kCatalogueBytesMax) {
    return invalid_argument("{}: larger than {} bytes", origin, kCatalogueBytesMax);
  }
  const auto document = parse_json(json_text);
  if (!document.ok()) return document.status().with_context(origin);
  if (!document->is_object()) return invalid_argument("{}: not a JSON object", origin);
  const Fields top(*document, fmt::format("{}: ", origin));
  Catalogue catalogue;
  ASSIGN_OR_RETURN(catalogue.dated, top.text("dated"));
  ASSIGN_OR_RETURN(const double disk, top.number("gp3_gib_month"));
  catalogue.node_disk_hour = disk * kDiskGibibytes / kHoursAMonth;
  RETURN_IF_ERROR(read_sections(*document, origin, catalogue));
  return catalogue;
}

}  // namespace puna::plan
