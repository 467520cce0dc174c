// The tables themselves are in the files compiled for their instruction set.

#include "backend/cpu/kernels.h"

namespace puna {

extern const Kernels kPortableKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

const Kernels& kernels_for(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kPortableKernels;
    case Isa::kAvx2:
      return kAvx2Kernels;
    case Isa::kAvx512:
      return kAvx512Kernels;
  }
  check_failed(__FILE__, __LINE__, "isa", "an Isa that does not exist");
}

}  // namespace puna
