// The AVX-VNNI kernels with the same instructions in AVX-512's encoding, for tests on processors
// that have only that one.

#include "backend/cpu/kernel_table.h"
#include "backend/cpu/vector_avx2.h"

namespace puna {

extern const Kernels kAvxVnniTwinKernels;
constinit const Kernels kAvxVnniTwinKernels = make_kernels<VectorAvxVnni>();

}  // namespace puna
