// The options of a compilation as the protocol buffer that PJRT takes (xla.CompileOptionsProto),
// written by hand: some ten fields, known since XLA's first PJRT plugins.
#pragma once

#include <string>

namespace puna::pjrt {

struct CompileOptions {
  int replicas = 1;
  int partitions = 1;  // more than one: by Shardy, in the SPMD way
};

std::string encode(const CompileOptions& options);

}  // namespace puna::pjrt
