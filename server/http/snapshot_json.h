#pragma once

#include <string>

#include "server/stats/snapshot.h"

namespace server::http {

// The snapshot as one JSON object, for programs (/api/snapshot) and for the page (/events). LSNs
// are text as PostgreSQL writes them, times are seconds since the epoch, durations seconds, and
// what is unknown is null. Names are only ever added.

// Each standby is an object with its columns' names.
std::string snapshot_json(const stats::Snapshot& snapshot);
// The names of the columns stand once, in `columns`, and each standby is an array: a third of the
// size, which matters with thousands of them each second.
std::string event_json(const stats::Snapshot& snapshot);

}  // namespace server::http
