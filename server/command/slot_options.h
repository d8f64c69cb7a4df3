#pragma once

// What the options of CREATE_REPLICATION_SLOT come to (walsender.c: parseCreateReplOptions).

#include "runtime/result.h"
#include "server/command/parser.h"

namespace server::command {

// Whether the slot holds WAL from its beginning. The options of logical slots are checked too, for
// PostgreSQL does so before it refuses the slot. The error is PostgreSQL's.
runtime::Result<bool> reserves_wal(const CreateSlot& create);

}  // namespace server::command
