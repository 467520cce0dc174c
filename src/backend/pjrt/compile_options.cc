// Wire format: https://protobuf.dev/programming-guides/encoding/. Numbers of fields:
// xla/pjrt/proto/ compile_options.proto and xla/xla_data.proto.

#include "backend/pjrt/compile_options.h"

#include <cstdint>
#include <string_view>

namespace puna::pjrt {
namespace {

// CompileOptionsProto
constexpr int kExecutableBuildOptions = 3;
// ExecutableBuildOptionsProto
constexpr int kDeviceOrdinal = 1;
constexpr int kNumReplicas = 4;
constexpr int kNumPartitions = 5;
constexpr int kUseSpmdPartitioning = 6;
constexpr int kDeviceAssignment = 9;
constexpr int kUseShardyPartitioner = 19;
// DeviceAssignmentProto and its ComputationDevice
constexpr int kReplicaCount = 1;
constexpr int kComputationCount = 2;
constexpr int kComputationDevices = 3;
constexpr int kReplicaDeviceIds = 1;

void append_varint(std::string& out, uint64_t value) {
  while (value > 0x7F) {
    out += static_cast<char>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void append_number(std::string& out, int field, int64_t value) {
  append_varint(out, static_cast<uint64_t>(field) << 3);
  append_varint(out, static_cast<uint64_t>(value));
}

void append_bytes(std::string& out, int field, std::string_view bytes) {
  append_varint(out, static_cast<uint64_t>(field) << 3 | 2);
  append_varint(out, bytes.size());
  out += bytes;
}

// Devices in order: one list of replicas for each partition.
std::string device_assignment(const CompileOptions& options) {
  std::string assignment;
  append_number(assignment, kReplicaCount, options.replicas);
  append_number(assignment, kComputationCount, options.partitions);
  for (int partition = 0; partition < options.partitions; ++partition) {
    std::string ids;
    for (int replica = 0; replica < options.replicas; ++replica) {
      append_varint(ids, static_cast<uint64_t>(replica * options.partitions + partition));
    }
    std::string devices;
    append_bytes(devices, kReplicaDeviceIds, ids);
    append_bytes(assignment, kComputationDevices, devices);
  }
  return assignment;
}

}  // namespace

CompileOptions compile_options(const stablehlo::PlatformProfile& profile, int degree) {
  if (profile.tensor_parallel == stablehlo::TensorParallelMode::kReplicas) {
    return {.replicas = degree, .partitions = 1};
  }
  return {.replicas = 1, .partitions = degree};
}

std::string encode(const CompileOptions& options) {
  std::string build;
  append_number(build, kDeviceOrdinal, -1);
  append_number(build, kNumReplicas, options.replicas);
  append_number(build, kNumPartitions, options.partitions);
  if (options.partitions > 1) append_number(build, kUseSpmdPartitioning, 1);
  append_bytes(build, kDeviceAssignment, device_assignment(options));
  if (options.partitions > 1) append_number(build, kUseShardyPartitioner, 1);
  std::string out;
  append_bytes(out, kExecutableBuildOptions, build);
  return out;
}

}  // namespace puna::pjrt
