// PUNA_SANITIZED, kSanitized: the address or the thread sanitizer is compiled in. For tests of what
// one does itself (memory, addresses), and of what would take minutes under one.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PUNA_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PUNA_SANITIZED
#endif
#endif

namespace puna {

#ifdef PUNA_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace puna
