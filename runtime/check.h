#pragma once

// Assertions. A failed one is a bug in walcast, never a peer's doing: it prints where and why, and
// aborts. CHECK is always on and must be cheap; DCHECK is for debug and sanitizer builds.

namespace runtime {

// Writes what the log still has, then this. It is in log.cc for that reason. Waits no longer than
// two seconds for a reader of standard error that stands still.
[[noreturn]] void check_failed(const char* file, int line, const char* what);

}  // namespace runtime

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) [[unlikely]]                                          \
      ::runtime::check_failed(__FILE__, __LINE__, "CHECK(" #condition ")"); \
  } while (false)

#ifdef NDEBUG
#define DCHECK(condition)                    \
  do {                                       \
    if (false) static_cast<void>(condition); \
  } while (false)
#else
#define DCHECK(condition) CHECK(condition)
#endif

#define UNREACHABLE() ::runtime::check_failed(__FILE__, __LINE__, "reached the unreachable")
