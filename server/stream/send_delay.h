#pragma once

#include <string>
#include <vector>

#include "runtime/clock.h"

namespace server::stream {

// For how long new WAL is gathered before it goes out to standbys (SendQueue), and to which ones it
// goes at once all the same. A standby that upstream_ack names is never kept waiting: commits may
// wait for it.
struct SendDelay {
  static constexpr int kMillisecondsMax = 100;

  runtime::Duration time{};               // 0: all WAL goes out at once
  std::vector<std::string> exempt_names;  // application names, matched as those of upstream_ack
};

}  // namespace server::stream
