// A worker takes a whole machine, less what its system needs, and holds as many replicas as fit;
// the pool's limit is the machines of the plan and one more, which an update needs.

#include "plan/manifests.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"

namespace puna::plan {
namespace {

constexpr double kGibibyte = 1024.0 * 1024 * 1024;
constexpr int kHeadCpus = 8;  // of the machine for Ray's head
constexpr const char* kHeadInstance = "m5.2xlarge";
constexpr const char* kWorker = "/spec/rayClusterConfig/workerGroupSpecs/0";

// What the system and its daemons leave.
int pod_cpus(const Instance& instance) {
  constexpr int kShare = 16;
  constexpr int kLeast = 2;
  return std::max(1, instance.vcpus - std::max(kLeast, instance.vcpus / kShare));
}

int pod_gibibytes(const Instance& instance) {
  constexpr double kShare = 0.85;
  return static_cast<int>(instance.memory_bytes / kGibibyte * kShare);
}

// The checkpoint as stored and as packed, and half as much again.
int disk_gibibytes(const PlanOption& option, const PlanRequest& request) {
  constexpr double kRoom = 1.5;
  constexpr double kStep = 20;
  const auto stored = 2.0 * static_cast<double>(request.config.parameter_count());
  const double bytes = kRoom * (stored + static_cast<double>(option.need.weight_bytes));
  return static_cast<int>(kStep * std::ceil(bytes / kGibibyte / kStep));
}

std::string quoted(const std::string& text) { return dump_json(Json(text)); }

// One operation of a patch, indented as it stands in a kustomization.
std::string operation(const std::string& kind, const std::string& path, const std::string& value) {
  return fmt::format("      - op: {}\n        path: {}\n        value: {}\n", kind, path, value);
}

std::string setting(const std::string& name, const std::string& value) {
  return operation("add", "/data/" + name, quoted(value));
}

std::string patch(const std::string& kind, const std::string& name, const std::string& operations) {
  return fmt::format("  - target: {{kind: {}, name: {}}}\n    patch: |\n{}", kind, name,
                     operations);
}

std::string settings(const PlanOption& option, const PlanRequest& request,
                     const std::string& repository) {
  const Instance& instance = option.instance;
  std::string text = setting("MODEL_ID", repository);
  text += setting("PUNA_REPLICA_CPUS",
                  std::to_string(std::max(1, pod_cpus(instance) / option.replicas_per_instance)));
  text += setting("PUNA_MAX_MODEL_LEN", std::to_string(request.context));
  text += setting("PUNA_MAX_NUM_SEQS", std::to_string(option.streams));
  text += setting("PUNA_MIN_REPLICAS", "1");
  text +=
      setting("PUNA_MAX_REPLICAS", std::to_string(option.replicas + option.replicas_per_instance));
  text += setting("PUNA_TARGET_ONGOING_REQUESTS",
                  std::to_string(std::max(1, static_cast<int>(std::ceil(option.at_peak.running)))));
  switch (instance.device.kind) {
    case DeviceKind::kCpu:
      text += setting("PUNA_WEIGHTS", std::string(puna::describe(option.format)));
      text += setting("PUNA_KV_CACHE_MEMORY_BYTES", std::to_string(option.need.kv_bytes));
      return text;
    case DeviceKind::kGpu:
      text += setting("PUNA_REPLICA_GPUS", std::to_string(option.degree.degree));
      break;
    case DeviceKind::kNeuron:  // who is alone has all cores, used or not
      text += setting("PUNA_NEURON_CORES",
                      std::to_string(option.replicas_per_instance > 1 ? option.degree.degree
                                                                      : instance.device_count));
      break;
  }
  text += setting("PUNA_TP_DEGREE", std::to_string(option.degree.degree));
  return text + setting("PUNA_SURGE_PERCENT", "0");
}

std::string resources(const Instance& instance) {
  std::string all =
      fmt::format("cpu: \"{}\", memory: {}Gi", pod_cpus(instance), pod_gibibytes(instance));
  if (instance.device.kind == DeviceKind::kGpu) {
    all += fmt::format(", nvidia.com/gpu: \"{}\"", instance.device_count);
  }
  if (instance.device.kind == DeviceKind::kNeuron) {
    all += fmt::format(", aws.amazon.com/neuron: \"{}\"", instance.chips);
  }
  return fmt::format("\n          requests: {{{0}}}\n          limits: {{{0}}}", all);
}

std::string ray_service(const PlanOption& option, const PlanRequest& request) {
  const Instance& instance = option.instance;
  const std::string worker = kWorker;
  std::string text = operation("replace", worker + "/replicas", std::to_string(option.instances));
  text += operation("replace", worker + "/maxReplicas", std::to_string(option.instances + 1));
  text +=
      operation("replace", worker + "/template/spec/containers/0/resources", resources(instance));
  text += operation("replace",
                    worker +
                        "/template/spec/volumes/3/ephemeral/volumeClaimTemplate/spec/resources/"
                        "requests/storage",
                    fmt::format("{}Gi", disk_gibibytes(option, request)));
  text += operation(
      "add", worker + "/template/spec/affinity",
      fmt::format(
          "\n          nodeAffinity:\n            requiredDuringSchedulingIgnoredDuringExecution:\n"
          "              nodeSelectorTerms:\n                - matchExpressions:\n"
          "                    - {{key: node.kubernetes.io/instance-type, operator: In, values: "
          "[{}]}}",
          instance.name));
  if (instance.device.kind == DeviceKind::kNeuron) {
    text += "      # Without this Ray's autoscaler finds no node for a replica.\n";
    text += operation("add", worker + "/rayStartParams/resources",
                      fmt::format("'\"{{\\\"neuron_cores\\\": {}}}\"'", instance.device_count));
  }
  return text;
}

// The pool of the workers, with room for the plan and one machine more.
std::string node_pool(const PlanOption& option) {
  const Instance& instance = option.instance;
  const int workers = (option.instances + 1) * instance.vcpus;
  if (instance.device.kind == DeviceKind::kCpu) {  // Ray's head shares it
    return patch(
        "NodePool", "default",
        operation("replace", "/spec/limits/cpu", quoted(std::to_string(workers + 2 * kHeadCpus))));
  }
  std::string text = operation("replace", "/spec/limits/cpu", quoted(std::to_string(workers)));
  if (instance.family != "inf2") {
    text += operation("replace", "/spec/template/spec/requirements/0/values",
                      fmt::format("[{}]", instance.family));
  }
  return patch("NodePool", "inferentia-inf2", text);
}

std::string head_comment(const PlanOption& option, const PlanRequest& request) {
  return fmt::format(
      "# Written by puna plan: {} for {:.0f} users at the peak on {} x {}, {} replicas of degree "
      "{},\n"
      "# weights as {}, {} streams of {} positions each; ${:.2f} an hour for these machines.\n",
      request.model_name, request.workload.users, option.instances, option.instance.name,
      option.replicas, option.degree.degree, puna::describe(option.format), option.streams,
      request.context, option.hour());
}

std::string kustomization(const PlanOption& option, const PlanRequest& request,
                          const std::string& repository, const std::string& deploy) {
  const DeviceKind kind = option.instance.device.kind;
  const char* hardware = kind == DeviceKind::kCpu   ? "cpu"
                         : kind == DeviceKind::kGpu ? "gpu"
                                                    : "inf2";
  std::string text = head_comment(option, request);
  text += fmt::format(
      "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - {0}/base\n"
      "components:\n  - {0}/components/{1}\n",
      deploy, hardware);
  if (kind != DeviceKind::kGpu) text += fmt::format("  - {}/components/karpenter\n", deploy);
  text += "patches:\n";
  text += patch("ConfigMap", "llama2-settings", settings(option, request, repository));
  text += patch("RayService", "llama2", ray_service(option, request));
  if (kind != DeviceKind::kGpu) text += node_pool(option);  // whose GPUs' pool is the cluster's own
  return text;
}

}  // namespace

std::vector<WrittenFile> manifests(const PlanOption& option, const PlanRequest& request,
                                   const std::string& repository, const std::string& deploy) {
  // What install.sh adds up (python/puna/ground/cost.py).
  const OrderedJson machines = {
      {"head", kHeadInstance}, {"worker", option.instance.name}, {"workers", option.instances}};
  return {{"kustomization.yaml", kustomization(option, request, repository, deploy)},
          {"machines.json", machines.dump(2) + "\n"},
          {"terraform.tfvars",
           fmt::format("{}region = {}\n", head_comment(option, request), quoted(request.region))}};
}

std::string repository_of_shape(const std::string& shape) {
  if (shape == "llama-2-7b") return "NousResearch/Llama-2-7b-chat-hf";
  if (shape == "llama-2-13b") return "NousResearch/Llama-2-13b-chat-hf";
  if (shape == "llama-2-70b") return "NousResearch/Llama-2-70b-chat-hf";
  return {};
}

}  // namespace puna::plan
