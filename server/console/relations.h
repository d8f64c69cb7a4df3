#pragma once

#include "server/console/catalog.h"

namespace server::console {

// All relations: those of the functions below.
Catalog make_catalog();

// PostgreSQL's views and functions of replication, sessions and slots (system_views.sql).
void add_session_relations(Catalog& catalog);
void add_replication_relations(Catalog& catalog);
// ... of settings, files, memory and the cluster.
void add_server_relations(Catalog& catalog);
// walcast's own.
void add_own_relations(Catalog& catalog);
// Those that monitors and drivers read, and of which a server without tables has nothing to tell.
void add_empty_relations(Catalog& catalog);

}  // namespace server::console
