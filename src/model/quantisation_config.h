// QuantisationConfig: how a Hugging Face checkpoint says that its weights are packed in 4 bits.
//
// Read from quantization_config of config.json. Two packings are known: AWQ (version gemm) and GPTQ
// (in the order of its channels). Everything else is refused with the field and what to do.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "model/config_object.h"

namespace puna {

enum class Int4Packing { kAwq, kGptq };

struct QuantisationConfig {
  Int4Packing packing = Int4Packing::kAwq;
  int group_size = 128;  // 32, 64 or 128
  bool has_zeros =
      true;  // every matrix has a tensor of zeros; AWQ without zero_point may do without
  bool zeros_are_less_one = false;  // GPTQ's first format stores zero - 1
};

// "awq", "gptq": the names that config.json uses.
std::string_view describe(Int4Packing packing);

// "awq, 4 bits in groups of 128"
std::string describe(const QuantisationConfig& config);

// Nothing when config.json has no quantization_config.
Result<std::optional<QuantisationConfig>> parse_quantisation_config(std::string_view json_text,
                                                                    std::string_view origin);

}  // namespace puna
