#pragma once

// The commands that answer with a result and end (walsender.c: IdentifySystem, SendTimeLineHistory;
// guc_funcs.c: GetPGVariable).

#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/command/parser.h"
#include "server/settings/session_settings.h"
#include "server/settings/settings.h"
#include "server/slot/slots.h"
#include "server/stream/sender.h"
#include "server/stream/wal_view.h"
#include "server/wire/message.h"

namespace server::command {

// Runs any command but StartReplication and those about slots, which need a session. What was
// written before an error stays: PostgreSQL sends the RowDescription of TIMELINE_HISTORY before it
// looks for the file. REQUIRES: view.has_wal().
runtime::Result<void> execute(const Command& command, const stream::WalView& view,
                              const settings::Settings& settings,
                              const settings::SessionSettings& own, wire::MessageWriter& out);

// The answers to the slot commands, and the error for a logical slot.
void slot_created(std::string_view name, wire::MessageWriter& out);
void show_slot(const std::optional<slot::SlotInfo>& slot, const stream::WalView& view,
               wire::MessageWriter& out);
runtime::Error no_logical_decoding();

// The answer to START_REPLICATION when its stream is over: where the next timeline begins, if the
// streamed one has ended, and both tags.
void end_of_stream(const std::optional<stream::NextTimeline>& next, wire::MessageWriter& out);

}  // namespace server::command
