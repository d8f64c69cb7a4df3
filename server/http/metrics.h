#pragma once

#include <cstddef>
#include <string>

#include "server/stats/snapshot.h"

namespace server::http {

// The snapshot in Prometheus's text format (version 0.0.4), with postgres_exporter's names for what
// it has: pg_stat_replication_*, pg_replication_slots_*. docs/monitoring.md lists all of them.
//   Limits: `standbys_max` standbys have metrics of their own, those that came first; the others
//   are counted in walcast_standbys_left_out. A series has one value: of standbys that have the
//   same name, address, state and slot the one that is furthest behind is shown.
std::string metrics_text(const stats::Snapshot& snapshot, std::size_t standbys_max);

}  // namespace server::http
