#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include "runtime/check.h"

namespace tests {

// As long as it lives, this process can open no file and no socket (EMFILE), even in the place of
// one that it closes. What is open stays open.
class NoDescriptors {
 public:
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
