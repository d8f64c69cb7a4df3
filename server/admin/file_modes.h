#pragma once

#include <string>
#include <vector>

#include "server/wal/cluster_facts.h"

namespace server::admin {

// Files and directories that are made from now on get the modes of the primary's data directory:
// the group may read them if the primary's may (streamutil.c, RetrieveDataDirCreatePerm). These
// directories, "" being none, are opened to the group, or closed to it again, unless their modes
// are neither PostgreSQL's 0700 nor 0750. Facts that do not tell change nothing. Any thread; blocks
// on files. A failure is logged.
void take_modes(const wal::ClusterFacts& facts, const std::vector<std::string>& directories);

}  // namespace server::admin
