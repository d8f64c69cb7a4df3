#pragma once

// Tells the thread sanitizer of order that it cannot see by itself: it does not understand the
// fences of moodycamel's queues. Empty in every other build.

#if defined(__SANITIZE_THREAD__)
#define WALCAST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WALCAST_TSAN 1
#endif
#endif

#ifdef WALCAST_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace runtime {

// What this thread has done so far is visible to every thread that calls tsan_acquire(at) from now
// on.
inline void tsan_release([[maybe_unused]] const void* at) {
#ifdef WALCAST_TSAN
  __tsan_release(const_cast<void*>(at));
#endif
}

inline void tsan_acquire([[maybe_unused]] const void* at) {
#ifdef WALCAST_TSAN
  __tsan_acquire(const_cast<void*>(at));
#endif
}

}  // namespace runtime
