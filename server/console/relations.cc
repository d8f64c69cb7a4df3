#include "server/console/relations.h"

namespace server::console {

Catalog make_catalog() {
  Catalog catalog;
  add_session_relations(catalog);
  add_replication_relations(catalog);
  add_server_relations(catalog);
  add_own_relations(catalog);
  add_empty_relations(catalog);
  return catalog;
}

}  // namespace server::console
