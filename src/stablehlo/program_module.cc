// The module around a function: its arguments, results and how devices share them.

#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "stablehlo/program_builder.h"

namespace puna::stablehlo {
namespace {

constexpr std::string_view kDivided = "{\"tp\"}";

// "[[0, 1]]" for two devices: one group of all.
std::string one_group(int degree) {
  Shape ids(static_cast<size_t>(degree));
  std::iota(ids.begin(), ids.end(), 0);
  return fmt::format("[[{}]]", list_text(ids));
}

std::string module_head(int replicas, int partitions) {
  return fmt::format(
      "module @puna attributes {{mhlo.num_partitions = {} : i32, mhlo.num_replicas = {} : i32}} "
      "{{\n",
      partitions, replicas);
}

void append(std::string& list, const std::string& item) {
  if (!list.empty()) list += ", ";
  list += item;
}

}  // namespace

Result<std::string> ProgramBuilder::finish() const {
  if (!status_.ok()) return status_;
  const bool has_partitions =
      devices_.degree > 1 && devices_.mode == TensorParallelMode::kPartitions;
  return has_partitions ? partition_module() : replica_module();
}

std::string ProgramBuilder::group_attributes() {
  std::string text = fmt::format("replica_groups = dense<{}> : tensor<1x{}xi64>",
                                 one_group(devices_.degree), devices_.degree);
  if (devices_.mode == TensorParallelMode::kPartitions) {
    text += fmt::format(
        ", channel_handle = #stablehlo.channel_handle<handle = {}, type = 1>, "
        "use_global_device_ids",
        next_channel_++);
  }
  return text;
}

// What all devices hold together.
TensorType ProgramBuilder::global(const TensorType& type,
                                  std::optional<int> shard_dimension) const {
  TensorType whole = type;
  if (shard_dimension) whole.shape[static_cast<size_t>(*shard_dimension)] *= devices_.degree;
  return whole;
}

// "<@mesh, [{}, {"tp"}]>": the second dimension is divided.
std::string ProgramBuilder::sharding(const TensorType& type,
                                     std::optional<int> shard_dimension) const {
  std::string dimensions;
  for (int i = 0; i < static_cast<int>(type.shape.size()); ++i) {
    append(dimensions, std::string(shard_dimension == i ? kDivided : "{}"));
  }
  return fmt::format("<@mesh, [{}]>", dimensions);
}

std::string ProgramBuilder::argument_list(bool with_sharding) const {
  std::string list;
  for (size_t i = 0; i < arguments_.size(); ++i) {
    const auto& [name, type, shard_dimension, aliased_result] = arguments_[i];
    std::string attributes;
    if (with_sharding) {
      append(attributes, "sdy.sharding = #sdy.sharding" + sharding(type, shard_dimension));
    }
    if (aliased_result) {
      append(attributes, fmt::format("tf.aliasing_output = {} : i32", *aliased_result));
    }
    const TensorType whole = with_sharding ? global(type, shard_dimension) : type;
    append(list,
           fmt::format("{}: {}{}", with_sharding ? fmt::format("%arg{}", i) : name, describe(whole),
                       attributes.empty() ? "" : fmt::format(" {{{}}}", attributes)));
  }
  return list;
}

std::string ProgramBuilder::result_list(bool with_sharding) const {
  std::string list;
  for (const auto& [value, shard_dimension] : results_) {
    if (!with_sharding) {
      append(list, describe(value.type));
      continue;
    }
    append(list, fmt::format("{} {{sdy.sharding = #sdy.sharding{}}}",
                             describe(global(value.type, shard_dimension)),
                             sharding(value.type, shard_dimension)));
  }
  return list;
}

std::string ProgramBuilder::replica_module() const {
  std::string names;
  std::string types;
  for (const auto& [value, shard_dimension] : results_) {
    append(names, value.name);
    append(types, describe(value.type));
  }
  return module_head(devices_.degree, 1) +
         fmt::format("  func.func public @main({}) -> ({}) {{\n{}    return {} : {}\n  }}\n}}\n",
                     argument_list(false), result_list(false), body_, names, types);
}

std::string ProgramBuilder::partition_module() const {
  std::string whole_names;
  std::string whole_types;
  std::string in_shardings;
  std::string local_arguments;
  for (size_t i = 0; i < arguments_.size(); ++i) {
    const auto& [name, type, shard_dimension, aliased_result] = arguments_[i];
    append(whole_names, fmt::format("%arg{}", i));
    append(whole_types, describe(global(type, shard_dimension)));
    append(in_shardings, sharding(type, shard_dimension));
    append(local_arguments, fmt::format("{}: {}", name, describe(type)));
  }
  std::string local_names;
  std::string local_types;
  std::string returned_names;
  std::string returned_types;
  std::string out_shardings;
  for (size_t i = 0; i < results_.size(); ++i) {
    const auto& [value, shard_dimension] = results_[i];
    append(local_names, value.name);
    append(local_types, describe(value.type));
    append(returned_names, fmt::format("%whole#{}", i));
    append(returned_types, describe(global(value.type, shard_dimension)));
    append(out_shardings, sharding(value.type, shard_dimension));
  }
  return module_head(1, devices_.degree) +
         fmt::format(
             "  \"sdy.mesh\"() {{mesh = #sdy.mesh<[\"tp\"={}]>, sym_name = \"mesh\"}} : () "
             "-> ()\n",
             devices_.degree) +
         fmt::format("  func.func public @main({}) -> ({}) {{\n", argument_list(true),
                     result_list(true)) +
         fmt::format("    %whole:{} = \"sdy.manual_computation\"({}) ({{\n    ^bb0({}):\n",
                     results_.size(), whole_names, local_arguments) +
         body_ + fmt::format("    \"sdy.return\"({}) : ({}) -> ()\n", local_names, local_types) +
         fmt::format(
             "    }}) {{in_shardings = #sdy.sharding_per_value<[{}]>, manual_axes = "
             "#sdy<manual_axes{{\"tp\"}}>, out_shardings = #sdy.sharding_per_value<[{}]>}} "
             ": ({}) -> ({})\n",
             in_shardings, out_shardings, whole_types, returned_types) +
         fmt::format("    return {} : {}\n  }}\n}}\n", returned_names, returned_types);
}

}  // namespace puna::stablehlo
