#pragma once

#include <string_view>

#include "runtime/result.h"
#include "server/settings/settings.h"
#include "server/wal/cluster_facts.h"

namespace server::settings {

// Puts what a primary has said of its cluster in the place of what was known before.
void add_cluster_facts(const wal::ClusterFacts& facts, Settings& settings);

// The answer to SHOW for a setting that only the cluster knows, which was not asked for, or has not
// told. REQUIRES: wal::is_cluster_fact(name).
runtime::Error unknown_cluster_fact(std::string_view name);

}  // namespace server::settings
