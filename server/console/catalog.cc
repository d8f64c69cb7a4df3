#include "server/console/catalog.h"

#include "runtime/check.h"
#include "runtime/format.h"

namespace server::console {

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

std::string module_name(std::size_t index, int version) {
  return runtime::format("r{}v{}", index, version);
}

}  // namespace server::console
