#include "server/assembly/make_options.h"

namespace server::assembly {

session::SessionEnvironment::Options session_options(const config::ServeConfig& config) {
  return {.sender = {.copy_bytes_max = config.copy_threshold,
                     .timeout = config.reloadable.wal_sender_timeout},
          .authentication_timeout = config.reloadable.authentication_timeout,
          .close_timeout = config.reloadable.shutdown_timeout,
          .idle_session_timeout = config.reloadable.idle_session_timeout,
          .tcp = config.reloadable.tcp,
          .client_read_timeout = config.reloadable.limits.read_timeout,
          .client_write_timeout = config.reloadable.limits.write_timeout,
          .max_wal_senders = config.reloadable.max_wal_senders,
          .max_console_connections = config.reloadable.limits.console_max,
          .slot_owner_check = config.reloadable.slot_owner_check,
          .send_delay = config.reloadable.send_delay,
          .logged = {.connections = config.reloadable.log.connections,
                     .disconnections = config.reloadable.log.disconnections,
                     .replication_commands = config.reloadable.log.replication_commands}};
}

}  // namespace server::assembly
