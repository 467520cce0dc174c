// CHECK and DCHECK: for Puna's own invariants only, never for data from outside.
//
// CHECK(condition, "sentence") aborts in every build; DCHECK only where NDEBUG is not set.
#pragma once

namespace puna {

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const char* sentence);

}  // namespace puna

#define CHECK(condition, sentence)                                                    \
  do {                                                                                \
    if (!(condition)) ::puna::check_failed(__FILE__, __LINE__, #condition, sentence); \
  } while (false)

#ifdef NDEBUG
#define DCHECK(condition, sentence) \
  do {                              \
  } while (false)
#else
#define DCHECK(condition, sentence) CHECK(condition, sentence)
#endif
