#include "tests/wal/after_look.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdarg>

#include "runtime/check.h"

namespace tests {

namespace {

thread_local AfterLook* current = nullptr;

}  // namespace

AfterLook::AfterLook(std::function<void()> act) : act_(std::move(act)) {
  CHECK(current == nullptr);
  current = this;
}

AfterLook::~AfterLook() { current = nullptr; }

void AfterLook::on_look() {
  if (current == nullptr) return;
  const int saved = errno;
  std::exchange(current, nullptr)->act_();
  errno = saved;
}

}  // namespace tests

// What ld calls instead, with --wrap, and the name that it gives to the function itself.
// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming, cert-dcl50-cpp)
extern "C" {

int __real_open(const char* path, int flags, ...);
int __real_stat(const char* path, struct stat* status);

int __wrap_open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  const int fd = __real_open(path, flags, mode);
  tests::AfterLook::on_look();
  return fd;
}

int __wrap_stat(const char* path, struct stat* status) {
  const int result = __real_stat(path, status);
  tests::AfterLook::on_look();
  return result;
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming, cert-dcl50-cpp)
