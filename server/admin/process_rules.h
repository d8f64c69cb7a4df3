#pragma once

#include <string>

#include "runtime/result.h"

namespace server::admin {

// What a server's process is allowed to be and to do. Main takes it on before anything else, so
// that nothing is opened, made or started as root: WAL, sockets and keys are the user's.
struct ProcessRules {
  std::string user;  // root becomes this user; empty: no other
  bool allow_root = false;
  bool allow_core_dumps = false;
  bool has_secrets = false;  // passwords, verifiers or keys will be in its memory
  bool runs_programs = false;  // of the operator's
  bool seccomp = false;
};

// Before there are threads. Blocks on the user database. The error is why the server may not run.
runtime::Result<void> take_on(const ProcessRules& rules);

// Whether libpq will find a password in this connection string, as far as the string says.
bool has_password(const std::string& conninfo);

}  // namespace server::admin
