#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/console/relation.h"

namespace server::console {

// All relations.
//   Owner: Engine.  Thread: any; it never changes once it is made.
class Catalog {
 public:
  // Null: there is none.
  const Relation* find(std::string_view name, bool function) const;
  // REQUIRES: it is one of these.
  std::size_t index_of(const Relation& relation) const;
  const std::vector<std::unique_ptr<Relation>>& all() const { return relations_; }
  void add(std::unique_ptr<Relation> relation) { relations_.push_back(std::move(relation)); }

 private:
  std::vector<std::unique_ptr<Relation>> relations_;
};

// The name that SQLite knows a relation of the catalog by, as that version of PostgreSQL has it.
std::string module_name(std::size_t index, int version);

}  // namespace server::console
