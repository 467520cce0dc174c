// The compiler's cpuid reading also checks that the operating system saves the registers.

#include "backend/cpu/isa.h"

#include <cpuid.h>

#include <cstdlib>

namespace puna {
namespace {

constexpr Isa kBestFirst[] = {Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAvxVnni, Isa::kAvx2,
                              Isa::kPortable};

// CPUID leaf 7, subleaf 1: the compilers' reading does not know this one everywhere.
bool has_avx_vnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kAvxVnniBit = 1U << 4;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & kAvxVnniBit) != 0;
}

}  // namespace

std::string_view describe(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return "portable";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvxVnni:
      return "avxvnni";
    case Isa::kAvx512Vnni:
      return "avx512vnni";
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
    case Isa::kAvxVnni:
      return is_supported(Isa::kAvx2) && has_avx_vnni();
    case Isa::kAvx512Vnni:
      return is_supported(Isa::kAvx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
    case Isa::kAvx512:
      return is_supported(Isa::kAvx512Vnni) && __builtin_cpu_supports("avx512bf16");
  }
  check_failed(__FILE__, __LINE__, "isa", "an Isa that does not exist");
}

Result<Isa> choose_isa() {
  const char* wanted = std::getenv("PUNA_ISA");
  for (const Isa isa : kBestFirst) {
    if (wanted == nullptr && is_supported(isa)) return isa;
    if (wanted == nullptr || describe(isa) != wanted) continue;
    if (is_supported(isa)) return isa;
    return error(StatusCode::kFailedPrecondition,
                 "PUNA_ISA={}: this processor does not have it; unset PUNA_ISA to use the best "
                 "it has",
                 wanted);
  }
  return invalid_argument("PUNA_ISA={}: expected portable, avx2, avxvnni, avx512vnni or avx512",
                          wanted);
}

}  // namespace puna
