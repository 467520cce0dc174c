// Catalogue: devices, the machines that have them, prices, and figures that others have published
// or that were measured; one dated file, catalogue.json, which --catalogue replaces.
//
// install.sh reads the same file (python/puna/ground/cost.py). What is read has been checked: every
// number is finite, above zero and below kNumberMax, and every name that is referred to is there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/formats.h"

namespace puna::plan {

inline constexpr size_t kCatalogueBytesMax = 1 << 20;
inline constexpr size_t kCatalogueEntriesMax = 1000;
inline constexpr double kNumberMax = 1e9;
inline constexpr double kHoursAMonth = 730;  // as AWS counts them
inline constexpr size_t kNameBytesMax = 100;

enum class DeviceKind { kCpu, kGpu, kNeuron };

// Where a number comes from.
enum class Origin { kPublished, kRoofline, kMeasured };
std::string_view describe(Origin origin);

// What tensor parallelism counts: a NeuronCore, a GPU; of a CPU one virtual core.
struct Device {
  std::string name;
  DeviceKind kind = DeviceKind::kCpu;
  double memory_bytes = 0;           // its own; of a CPU its part of the machine's
  double bytes_per_second = 0;       // published (of `here`: measured)
  double operations_per_second = 0;  // the dense peak, published; of a CPU that of int8
  double memory_share = 1;           // of these, what a step gets: the stated efficiency
  double compute_share = 1;
  double hidden_half = 0;         // a hidden size at which only half of compute_share is reached
  double layer_seconds = 0;       // that no bandwidth makes shorter
  double collective_seconds = 0;  // more of it, on several devices
  std::vector<WeightFormat> formats;
  std::vector<int> documented_degrees;  // by the vendor; empty: any
  std::string note;
};

struct Instance {
  std::string name;    // "inf2.8xlarge"
  std::string family;  // "inf2"
  int vcpus = 0;
  double memory_bytes = 0;  // of the host
  int chips = 0;            // Neuron chips
  int device_count = 0;
  Device device;
  double hour = 0;  // $
};

// One published or measured speed, to stand beside ours.
struct Figure {
  Origin origin = Origin::kPublished;
  std::string shape;  // of model/llama_shapes.h
  std::string instance;
  int degree = 1;
  int batch = 1;
  double prompt = 0;   // tokens
  double depth = 0;    // positions, on average
  double ttft_ms = 0;  // 0: not said
  double tpot_ms = 0;
  std::string source;
};

struct Region {
  std::string name;
  std::vector<std::string> families;
};

struct Catalogue {
  std::string dated;
  std::vector<Region> regions;
  std::vector<Instance> instances;
  std::vector<Figure> figures;
  Device here;                // shares of what is measured
  double node_disk_hour = 0;  // $ of a worker's disk
};

// `origin` (a file name) begins every message.
Result<Catalogue> parse_catalogue(std::string_view json_text, std::string_view origin);

// The text of catalogue.json as it was built in.
std::string_view built_in_catalogue();

}  // namespace puna::plan
