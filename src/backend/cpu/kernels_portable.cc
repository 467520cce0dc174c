// The kernels in plain C++. Nothing here may be called, nor shared with other files, before isa.h
// has said that the processor has it.

#include "backend/cpu/attention_kernel.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/matmul_kernels.h"
#include "backend/cpu/vector_portable.h"

namespace puna {

extern const Kernels kPortableKernels;
constinit const Kernels kPortableKernels =
    make_kernels<VectorPortable>(format_kernels<VectorPortable, F32Tile<VectorPortable>>(),
                                 format_kernels<VectorPortable, Bf16Tile<VectorPortable>>(),
                                 format_kernels<VectorPortable, Int8Tile<VectorPortable>>());

}  // namespace puna
