#pragma once

#include <string_view>

#include "server/wire/message.h"

namespace server::command {

// The one statement of SQL that is answered on a replication connection, where PostgreSQL answers
// none: `SELECT * FROM pg_is_in_recovery()`, or without `* FROM`, by which pgmoneta and others find
// out which server they may take WAL from.
bool is_recovery_query(std::string_view text);

// walcast is in recovery for ever.
void show_recovery(wire::MessageWriter& out);

}  // namespace server::command
