// The kernels in plain C++. Nothing here may be called, nor shared with other files, before isa.h
// has said that the processor has it.

#include "backend/cpu/kernel_table.h"
#include "backend/cpu/vector_portable.h"

namespace puna {

extern const Kernels kPortableKernels;
constinit const Kernels kPortableKernels = make_kernels<VectorPortable>();

}  // namespace puna
