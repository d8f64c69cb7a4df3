#pragma once

#include "runtime/log.h"
#include "server/settings/options.h"

namespace server::config {

// What is logged, where, and in which form. All of it may change at a reload.
struct LogConfig {
  runtime::log::OutputOptions output;
  bool connections = false;
  bool disconnections = false;
  bool replication_commands = false;
};

void add_log_options(settings::Options& options, LogConfig& log);

}  // namespace server::config
