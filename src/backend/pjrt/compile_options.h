// The options of a compilation as the protocol buffer that PJRT takes (xla.CompileOptionsProto),
// written by hand: some ten fields, known since XLA's first PJRT plugins.
#pragma once

#include <string>

#include "stablehlo/platform_profile.h"

namespace puna::pjrt {

struct CompileOptions {
  int replicas = 1;
  int partitions = 1;  // more than one: by Shardy, in the SPMD way
};

// For programs of `degree` devices that work together in the platform's way.
CompileOptions compile_options(const stablehlo::PlatformProfile& profile, int degree);

std::string encode(const CompileOptions& options);

}  // namespace puna::pjrt
