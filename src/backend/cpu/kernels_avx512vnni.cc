// The kernels in AVX-512 with VNNI, without BF16. Nothing here may be called, nor shared with other
// files, before isa.h has said that the processor has it.

#include "backend/cpu/kernel_table.h"
#include "backend/cpu/vector_avx512.h"

namespace puna {

extern const Kernels kAvx512VnniKernels;
constinit const Kernels kAvx512VnniKernels = make_kernels<VectorAvx512Vnni>();

}  // namespace puna
