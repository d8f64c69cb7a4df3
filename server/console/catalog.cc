#include "server/console/catalog.h"

#include "runtime/check.h"
#include "server/console/relations.h"

namespace server::console {

Catalog::Catalog() {
  add_session_relations(*this);
  add_replication_relations(*this);
  add_server_relations(*this);
  add_own_relations(*this);
  add_empty_relations(*this);
}

const Relation* Catalog::find(std::string_view name, bool function) const {
  for (const auto& relation : relations_) {
    if (relation->name() == name && relation->is_function() == function) return relation.get();
  }
  return nullptr;
}

std::size_t Catalog::index_of(const Relation& relation) const {
  for (std::size_t i = 0; i < relations_.size(); ++i) {
    if (relations_[i].get() == &relation) return i;
  }
  CHECK(false);
  return 0;
}

}  // namespace server::console
