#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include "runtime/check.h"

namespace tests {

// As long as it lives, this process can open no file and no socket (EMFILE), even in the place of
// one that it closes. What is open stays open.
//   Limits: not for a build with sanitizers. UBSan opens a pipe to look at an object's vptr, and
//   the thread sanitizer opens the program to find the names that its suppressions are for.
class NoDescriptors {
 public:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr bool kPossible = false;
#else
  static constexpr bool kPossible = true;
#endif

  NoDescriptors() {
    CHECK(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit none = before_;
    none.rlim_cur = STDERR_FILENO + 1;  // fewer, and poll() would fail too
    CHECK(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace tests
