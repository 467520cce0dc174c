// The kernels in AVX2 with FMA and AVX-VNNI. Nothing here may be called, nor shared with other
// files, before isa.h has said that the processor has it.

#include "backend/cpu/kernel_table.h"
#include "backend/cpu/vector_avx2.h"

namespace puna {

extern const Kernels kAvxVnniKernels;
constinit const Kernels kAvxVnniKernels = make_kernels<VectorAvxVnni>();

}  // namespace puna
