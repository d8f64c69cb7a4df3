#pragma once

// Makes memory that must not be used unreadable under AddressSanitizer, and does nothing otherwise,
// so that a pointer kept beyond a reset fails in the tests and costs nothing in production.

#include <cstddef>

#ifdef __has_feature  // clang; g++ tells by a macro of its own
#define MEMCTX_HAS_ASAN __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define MEMCTX_HAS_ASAN 1
#else
#define MEMCTX_HAS_ASAN 0
#endif

#if MEMCTX_HAS_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace memctx {

#if MEMCTX_HAS_ASAN

inline constexpr bool kPoisoning = true;
// Not inlined: g++ would take the call inside for a read of memory that has not been written yet.
[[gnu::noinline]] inline void poison(void* at, std::size_t size) {
  __asan_poison_memory_region(at, size);
}
inline void unpoison(void* at, std::size_t size) { __asan_unpoison_memory_region(at, size); }
inline bool is_poisoned(const void* at) { return __asan_address_is_poisoned(at) != 0; }

#else

inline constexpr bool kPoisoning = false;
inline void poison(void*, std::size_t) {}
inline void unpoison(void*, std::size_t) {}
inline bool is_poisoned(const void*) { return false; }

#endif

// ASan describes memory by granules of 8 bytes, of which only the tail can be unreadable: chunks
// begin at one, and the gap behind a chunk has to be longer than one.
inline constexpr std::size_t kRedGapBytes = kPoisoning ? 16 : 0;

}  // namespace memctx

#undef MEMCTX_HAS_ASAN
