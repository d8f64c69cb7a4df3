#pragma once

#include <string_view>

#include "runtime/result.h"
#include "server/settings/encoding.h"

namespace server::session {

// Text between a client and a server whose own encoding is SQL_ASCII, as that of a walsender
// without a database is: nothing is converted, but bytes that are no characters of the client's
// encoding are refused (mbutils.c: pg_any_to_server, pg_server_to_any).

// In an encoding that no server can have, only ASCII is taken.
runtime::Result<void> check_received_text(settings::Encoding encoding, std::string_view text);
runtime::Result<void> check_sent_text(settings::Encoding encoding, std::string_view text);

}  // namespace server::session
