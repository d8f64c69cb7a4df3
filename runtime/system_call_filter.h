#pragma once

#include "runtime/result.h"

namespace runtime {

// Leaves the process only the system calls that a server of files and sockets makes, so that an
// intruder who has taken it over by its input can start no program, trace no process and become no
// other user (seccomp(2)). A call that is not among them fails with EPERM, and a line on standard
// error names it, for the first kRefusalsLogged of them.
//   The list was measured over the end-to-end tests; it has what libc, libpq and name services use.
//   Limits: x86-64 and 64-bit ARM. an error elsewhere, and where the kernel has no seccomp.
struct SystemCallFilter {
  static constexpr int kRefusalsLogged = 20;

  // The process runs programs of the operator's: these inherit the filter, and no line names a call
  // that is refused.
  bool may_run_programs = false;

  // For the calling thread, and those that it starts. Nothing takes it back.
  Result<void> install() const;
};

}  // namespace runtime
