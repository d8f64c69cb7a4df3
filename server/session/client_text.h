#pragma once

#include <string_view>

#include "runtime/result.h"

namespace server::session {

// Text between a client and a server whose own encoding is SQL_ASCII, as a walsender's without a
// database is: nothing is converted, but what is no text in the client's encoding is refused
// (mbutils.c: pg_any_to_server, pg_server_to_any). `encoding` is named as SHOW names it.

// Of encodings that no server can have, only ASCII is taken.
runtime::Result<void> check_received_text(std::string_view encoding, std::string_view text);
runtime::Result<void> check_sent_text(std::string_view encoding, std::string_view text);

}  // namespace server::session
