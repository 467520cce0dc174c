// One emitted step of a small Llama on a PJRT client, beside what the interpreter makes of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/pjrt/client.h"
#include "stablehlo/llama_program.h"

namespace puna::pjrt {

struct Step {
  std::string profile;
  int degree = 1;
  stablehlo::ElementType element = stablehlo::ElementType::kF32;
};

// What a step gives on a client and by the interpreter, from the same inputs.
struct Comparison {
  std::vector<float> logits;
  std::vector<float> expected_logits;
  std::vector<int32_t> tokens;
  std::vector<int32_t> expected_tokens;
  int donated = 0;
};

// Runs it once; fails the running test when anything is an error.
Comparison run_step(const DeviceClient& client, const Step& step);

std::vector<float> download_floats(const DeviceBuffer& buffer, size_t count);

}  // namespace puna::pjrt
