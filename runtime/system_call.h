#pragma once

// What every system call on files and sockets needs: another try after a signal, and words for what
// went wrong.

#include <cerrno>
#include <string>
#include <string_view>

#include "runtime/errors.h"
#include "runtime/format.h"

namespace runtime {

// Makes the call again as long as a signal interrupts it. Returns what the last one did.
template <typename Call>
auto retry_on_signal(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// "could not ACTION "PATH": ..." for what errno says. REQUIRES: no call since the one that failed.
inline Fail fail_call(std::string_view action, const std::string& path) {
  const int sys_errno = errno;
  return Fail(system_error(sys_errno, format("could not {} \"{}\"", action, path)));
}

}  // namespace runtime
