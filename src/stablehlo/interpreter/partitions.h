// Programs of partitions: a function on whole tensors that does nothing but run a body on each
// device's part (sdy.manual_computation of Shardy, https://openxla.org/shardy).
#pragma once

#include "base/status.h"
#include "stablehlo/interpreter/syntax.h"

namespace puna::interpreter {

// What one device runs. kInvalidArgument when shardings of arguments, computation and results do
// not say the same, or a part is not its whole divided by the devices. Taken from `module`.
Result<SyntaxRegion> local_body(SyntaxModule& module, int64_t partitions);

}  // namespace puna::interpreter
