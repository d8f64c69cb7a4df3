#pragma once

#include <cstddef>

#include "server/http/families.h"
#include "server/stats/snapshot.h"

namespace server::http {

// The metrics of each standby, of at most so many of them (metrics.h).
void add_standby_metrics(const stats::Snapshot& snapshot, std::size_t standbys_max,
                         Families& families);

}  // namespace server::http
