#pragma once

#include <functional>
#include <utility>

namespace tests {

// Does something right after this thread has looked for a file for the first time, by open(2) or
// stat(2): what another process might do just then. The linker wraps both calls in these tests.
class AfterLook {
 public:
  explicit AfterLook(std::function<void()> act);
  AfterLook(const AfterLook&) = delete;
  AfterLook& operator=(const AfterLook&) = delete;
  ~AfterLook();

  // For the wrapped calls; leaves errno as it is.
  static void on_look();

 private:
  std::function<void()> act_;
};

}  // namespace tests
