#include "server/console/prepared.h"

#include <utility>

#include "server/console/statement.h"

namespace server::console {

Prepared::Prepared(std::unique_ptr<Statement> statement) : statement_(std::move(statement)) {}
Prepared::~Prepared() = default;

bool Prepared::empty() const { return statement_->kind == Statement::Kind::kEmpty; }
std::span<const std::uint32_t> Prepared::parameter_types() const {
  return statement_->parameter_types;
}
std::span<const ResultColumn> Prepared::columns() const { return statement_->columns; }
bool Prepared::ends_transaction() const {
  return statement_->kind == Statement::Kind::kCommit ||
         statement_->kind == Statement::Kind::kRollback;
}

}  // namespace server::console
