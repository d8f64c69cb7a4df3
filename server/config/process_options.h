#pragma once

#include <string>

#include "server/settings/options.h"

namespace server::config {

// What the server's process may do on its host.
struct ProcessConfig {
  std::string user;  // root becomes this user; empty: no other
  bool allow_root = false;
  bool allow_core_dumps = false;  // also where there are secrets
  bool seccomp = false;
};

void add_process_options(settings::Options& options, ProcessConfig& process);

}  // namespace server::config
