#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/console/lexer.h"
#include "server/console/statement.h"

namespace server::console {

// What a statement is that is no query (utility.c): SHOW, SET, BEGIN and their like, RELOAD. None
// if it is a query. Statements that would write are refused as by a standby (25006).
runtime::Result<std::optional<Statement>> parse_utility(std::string_view text,
                                                        std::span<const Token> tokens);

// The query behind SHOW STANDBYS and its like, in pgbouncer's way; empty if it is none of these.
std::string_view query_of_show(std::string_view what);

}  // namespace server::console
