// How strict the reference plugin is: like XLA's plugins, like AWS Neuron's, like an old one, or
// like one that has no function to compile.
//
// Chosen by PUNA_REFERENCE_PLUGIN=xla|neuron|old|sparse when the library is first asked for its
// table. Its sizes are written here once more, so that they judge those of pjrt_sizes.h.
#pragma once

#include <cstddef>
#include <string_view>

#include "backend/pjrt/pjrt_abi.h"
#include "base/status.h"

namespace puna::pjrt {

struct Rules {
  int minor_version = 115;
  bool exact_sizes = false;  // struct_size must be this version's, not only as large
  bool compiles = true;
  bool errors_by_event_only = false;  // what fails in an execution is not said by Execute
  std::string_view platform = "reference";
  size_t client_create_size = 88;
  size_t memory_stats_size = 201;
  size_t deserialize_size = 72;
  size_t execute_options_size = 112;  // the least that XLA's want
};

const Rules& rules();

// kInvalidArgument unless a struct of `size` bytes is accepted where `expected` are known.
Status check_size(size_t size, size_t expected);

}  // namespace puna::pjrt
