// The kernels in AVX2 with FMA. Nothing here may be called, nor shared with other files, before
// isa.h has said that the processor has it.

#include "backend/cpu/attention_kernel.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/matmul_kernels.h"
#include "backend/cpu/vector_avx2.h"

namespace puna {

extern const Kernels kAvx2Kernels;
constinit const Kernels kAvx2Kernels =
    make_kernels<VectorAvx2>(format_kernels<VectorAvx2, F32Tile<VectorAvx2>>(),
                             format_kernels<VectorAvx2, Bf16Tile<VectorAvx2>>(),
                             format_kernels<VectorAvx2, Int8Tile<VectorAvx2>>());

}  // namespace puna
