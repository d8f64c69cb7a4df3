#pragma once

// When the kernel gives up a connection whose peer is gone without a word.

#include "runtime/result.h"

namespace runtime {

// The values of PostgreSQL's tcp_keepalives_idle, _interval and _count, and tcp_user_timeout. Zero
// leaves a value at the system's default.
struct TcpTimeouts {
  int keepalive_idle_s = 0;      // silence before the first probe
  int keepalive_interval_s = 0;  // between probes that the peer does not answer
  int keepalive_count = 0;       // of these, before the connection is given up
  int user_timeout_ms = 0;       // for which sent data may stay unacknowledged

  friend bool operator==(const TcpTimeouts&, const TcpTimeouts&) = default;
};

// What the system does by itself.
const TcpTimeouts& system_tcp_timeouts();

// The error names the first value that the kernel refuses; all others are set.
Result<void> set_tcp_timeouts(int fd, const TcpTimeouts& timeouts);

}  // namespace runtime
