// The compiler's cpuid reading also checks that the operating system saves the registers.

#include "backend/cpu/isa.h"

#include <cstdlib>

namespace puna {

std::string_view describe(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return "portable";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  check_failed(__FILE__, __LINE__, "isa", "an Isa that does not exist");
}

bool is_supported(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return true;
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("f16c");
    case Isa::kAvx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  }
  check_failed(__FILE__, __LINE__, "isa", "an Isa that does not exist");
}

Result<Isa> choose_isa() {
  const char* wanted = std::getenv("PUNA_ISA");
  for (const Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kPortable}) {
    if (wanted == nullptr && is_supported(isa)) return isa;
    if (wanted == nullptr || describe(isa) != wanted) continue;
    if (is_supported(isa)) return isa;
    return error(StatusCode::kFailedPrecondition,
                 "PUNA_ISA={}: this processor does not have it; unset PUNA_ISA to use the best "
                 "it has",
                 wanted);
  }
  return invalid_argument("PUNA_ISA={}: expected portable, avx2 or avx512", wanted);
}

}  // namespace puna
