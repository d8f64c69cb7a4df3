#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "server/console/answer.h"

namespace server::console {

class Statement;  // what is known of a statement before its parameters

// A statement that was parsed and analysed (PreparedStatement of prepare.c).
//   Owner: the session that prepared it, and portals.  Thread: the console's; it ends there too.
class Prepared {
 public:
  explicit Prepared(std::unique_ptr<Statement> statement);
  ~Prepared();

  bool empty() const;  // there is no statement: Execute answers EmptyQueryResponse
  // The OID of each parameter's type: as the client said, or else as its place asks for.
  std::span<const std::uint32_t> parameter_types() const;
  // Empty if it has no rows to answer with (NoData).
  std::span<const ResultColumn> columns() const;
  // Whether it may run in a transaction block that has failed: COMMIT, ROLLBACK.
  bool ends_transaction() const;

  const Statement& statement() const { return *statement_; }

 private:
  std::unique_ptr<Statement> statement_;
};

}  // namespace server::console
