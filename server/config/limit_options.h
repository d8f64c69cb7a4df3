#pragma once

#include <cstdint>

#include "runtime/clock.h"
#include "runtime/tcp_timeouts.h"
#include "server/settings/options.h"

namespace server::config {

// What one client, or all clients of one address, may take from the others; 0: no limit.
struct ClientLimits {
  std::int64_t connections_max = 0;
  std::int64_t console_max = 0;  // normal connections; 0: none are taken
  std::int64_t per_address_max = 0;
  std::int64_t per_role_max = 0;
  std::int64_t startups_max = 0;  // connections whose clients have not logged in
  std::int64_t startups_per_address_max = 0;
  std::int64_t cancels_per_second = 0;  // of an address
  runtime::Duration failure_delay{};
  runtime::Duration read_timeout{};   // for the rest of a command
  runtime::Duration write_timeout{};  // in which something of an answer must be read
};

void add_limit_options(settings::Options& options, ClientLimits& limits);

// When TCP gives up a client that is gone without a word; a reload may change it.
void add_tcp_options(settings::Options& options, runtime::TcpTimeouts& tcp);

}  // namespace server::config
