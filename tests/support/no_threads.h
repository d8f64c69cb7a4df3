#pragma once

#include <pthread.h>

#include <cstddef>

#include "runtime/check.h"

namespace tests {

// As long as it lives, no thread of this process can be started (EAGAIN): a thread's stack would be
// larger than all memory that a process can address.
class NoThreads {
 public:
  NoThreads() {
    CHECK(::pthread_getattr_default_np(&before_) == 0);
    pthread_attr_t none;
    CHECK(::pthread_getattr_default_np(&none) == 0);
    CHECK(::pthread_attr_setstacksize(&none, std::size_t{1} << 47) == 0);
    CHECK(::pthread_setattr_default_np(&none) == 0);
    CHECK(::pthread_attr_destroy(&none) == 0);
  }
  ~NoThreads() {
    ::pthread_setattr_default_np(&before_);
    ::pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

}  // namespace tests
