// The tables themselves are in the files compiled for their instruction set.

#include "backend/cpu/kernels.h"

namespace puna {

extern const Kernels kPortableKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvxVnniKernels;
extern const Kernels kAvx512VnniKernels;
extern const Kernels kAvx512Kernels;

const Kernels& kernels_for(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kPortableKernels;
    case Isa::kAvx2:
      return kAvx2Kernels;
    case Isa::kAvxVnni:
      return kAvxVnniKernels;
    case Isa::kAvx512Vnni:
      return kAvx512VnniKernels;
    case Isa::kAvx512:
      return kAvx512Kernels;
  }
  check_failed(__FILE__, __LINE__, "isa", "an Isa that does not exist");
}

const FormatKernels& kernels_for(const Kernels& kernels, WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32:
      return kernels.f32;
    case WeightFormat::kBf16:
      return kernels.bf16;
    case WeightFormat::kInt8:
      return kernels.int8;
    case WeightFormat::kInt4:
      return kernels.int4;
  }
  check_failed(__FILE__, __LINE__, "format", "a WeightFormat that does not exist");
}

}  // namespace puna
