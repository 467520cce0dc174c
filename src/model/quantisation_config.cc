// The fields that AutoAWQ, AutoGPTQ and GPTQModel write into quantization_config.

#include "model/quantisation_config.h"

#include <algorithm>
#include <array>

namespace puna {
namespace {

constexpr std::array<int64_t, 3> kGroups = {32, 64, 128};
constexpr std::string_view kOtherWays =
    "use the unquantized checkpoint (Puna quantizes it itself, --weights) or a GGUF file";

Status check_bits(const ConfigObject& config) {
  ASSIGN_OR_RETURN(const auto bits, config.get_integer("bits", 1, 64));
  if (!bits) return config.missing("bits");
  if (*bits != 4) return config.refuse("bits", fmt::format("4: {}", kOtherWays));
  return Status();
}

Status read_group_size(const ConfigObject& config, int& group_size) {
  ASSIGN_OR_RETURN(const auto group, config.get_integer("group_size", -1, INT32_MAX));
  if (!group) return config.missing("group_size");
  if (std::ranges::count(kGroups, *group) == 0) {
    return config.refuse("group_size", fmt::format("32, 64 or 128: {}", kOtherWays));
  }
  group_size = static_cast<int>(*group);
  return Status();
}

// The layout's name is lower case in some writers and upper case in others.
Result<std::string> get_lower(const ConfigObject& config, std::string_view key,
                              std::string_view fallback) {
  ASSIGN_OR_RETURN(const auto value, config.get_string(key));
  std::string lower(value.value_or(std::string(fallback)));
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

Status read_awq(const ConfigObject& config, QuantisationConfig& out) {
  out.packing = Int4Packing::kAwq;
  ASSIGN_OR_RETURN(const std::string version, get_lower(config, "version", "gemm"));
  if (version != "gemm") {
    return config.refuse(
        "version", fmt::format("\"gemm\", the only AWQ packing that is read: {}", kOtherWays));
  }
  ASSIGN_OR_RETURN(const auto zero_point, config.get_bool("zero_point"));
  out.has_zeros = zero_point.value_or(true);
  return Status();
}

Status read_gptq(const ConfigObject& config, QuantisationConfig& out) {
  out.packing = Int4Packing::kGptq;
  ASSIGN_OR_RETURN(const auto reordered, config.get_bool("desc_act"));
  if (reordered.value_or(false)) {
    return config.refuse("desc_act",
                         fmt::format("false: groups of reordered channels are not read: {}, or a "
                                     "GPTQ checkpoint made without desc_act",
                                     kOtherWays));
  }
  const Json* exceptions = config.find("dynamic");
  if (exceptions != nullptr && !exceptions->empty()) {
    return config.refuse("dynamic",
                         fmt::format("none: every matrix has the same bits: {}", kOtherWays));
  }
  ASSIGN_OR_RETURN(const auto is_marlin, config.get_bool("is_marlin_format"));
  if (is_marlin.value_or(false)) return config.refuse("is_marlin_format", "false");
  ASSIGN_OR_RETURN(const std::string format, get_lower(config, "checkpoint_format", "gptq"));
  if (format != "gptq" && format != "gptq_v2") {
    return config.refuse("checkpoint_format",
                         fmt::format("\"gptq\" or \"gptq_v2\": {}", kOtherWays));
  }
  out.zeros_are_less_one = format == "gptq";
  return Status();
}

}  // namespace

std::string_view describe(Int4Packing packing) {
  return packing == Int4Packing::kAwq ? "awq" : "gptq";
}

std::string describe(const QuantisationConfig& config) {
  return fmt::format("{}, 4 bits in groups of {}", describe(config.packing), config.group_size);
}

Result<std::optional<QuantisationConfig>> parse_quantisation_config(std::string_view json_text,
                                                                    std::string_view origin) {
  ASSIGN_OR_RETURN(const Json document, parse_config_object(json_text, origin));
  const ConfigObject object(document, std::string(origin));
  ASSIGN_OR_RETURN(const auto config, object.get_object("quantization_config"));
  if (!config) return std::optional<QuantisationConfig>();
  ASSIGN_OR_RETURN(const auto method, config->get_string("quant_method"));
  if (!method) return config->missing("quant_method");
  if (*method != "awq" && *method != "gptq") {
    return config->refuse("quant_method", fmt::format("\"awq\" or \"gptq\": {}", kOtherWays));
  }
  QuantisationConfig out;
  RETURN_IF_ERROR(check_bits(*config));
  RETURN_IF_ERROR(read_group_size(*config, out.group_size));
  RETURN_IF_ERROR(*method == "awq" ? read_awq(*config, out) : read_gptq(*config, out));
  return std::optional<QuantisationConfig>(out);
}

}  // namespace puna
