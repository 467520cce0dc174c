// What kinds of devices want of a program: the same step, spelled as each compiler does best.
//
// Sources: docs/adr of this decision, AWS Neuron's list of operators, measurements on CUDA.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "stablehlo/program_builder.h"

namespace puna::stablehlo {

// How attention finds a sequence's K and V in the pool of blocks.
enum class KvRead {
  kTables,  // a gather by block tables
  // Row i of a decode step owns the neighbouring blocks [i, i + 1) * slot_blocks, so that reading
  // is a slice; a table of these same blocks still describes it to the engine.
  kSlots,
};

struct PlatformProfile {
  std::string_view name;
  TensorParallelMode tensor_parallel = TensorParallelMode::kReplicas;
  KvRead kv_read = KvRead::kTables;
  // Of weights, K and V unless somebody asks for another. With bf16 on processors XLA took twice
  // the memory that was planned, as if it converted every pool in every step.
  ElementType natural_type = ElementType::kBf16;
};

// "cpu", "cuda", "neuron", "tpu".
std::span<const PlatformProfile> platform_profiles();
std::optional<PlatformProfile> find_platform_profile(std::string_view name);

}  // namespace puna::stablehlo
