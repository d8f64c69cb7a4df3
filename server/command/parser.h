#pragma once

// The replication grammar (src/backend/replication/repl_gram.y).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/result.h"
#include "server/settings/identifier.h"
#include "server/wal/lsn.h"

namespace server::command {

struct IdentifySystem {};
struct Show {
  std::string name;
};
struct TimelineHistoryOf {
  wal::TimelineId timeline;
};
struct StartReplication {
  std::optional<std::string> slot;
  wal::Lsn start;
  std::optional<wal::TimelineId> timeline;
};
struct StartLogicalReplication {};
// name ['value' | value | number]; what it means is for the command's handler.
struct Option {
  std::string name;
  std::optional<std::string> value = {};
  bool is_number = false;
};
struct CreateSlot {
  std::string slot;
  bool temporary = false;
  bool logical = false;
  std::vector<Option> options = {};  // those of the old syntax under their new names
};
struct ReadSlot {
  std::string slot;
};
struct DropSlot {
  std::string slot;
  bool wait = false;
};
struct BaseBackup {};

using Command = std::variant<IdentifySystem, Show, TimelineHistoryOf, StartReplication,
                             StartLogicalReplication, CreateSlot, ReadSlot, DropSlot, BaseBackup>;

// Text whose first token begins no replication command is taken for SQL, which is refused without a
// look at the rest (exec_replication_command). Notices may come with an error too.
runtime::Result<Command> parse(std::string_view text, settings::Notices& notices);

}  // namespace server::command
