#pragma once

// The grammar of queries (src/backend/parser/gram.y), as far as tools and people send them to a
// server that has no tables of its own.

#include <span>
#include <string_view>

#include "runtime/result.h"
#include "server/console/ast.h"
#include "server/console/lexer.h"

namespace server::console {

// The query that the tokens of `text` are: SELECT, VALUES, WITH or TABLE. Errors are
// PostgreSQL's, with their positions; 0A000 for what PostgreSQL knows and the console does not.
runtime::Result<QueryRef> parse_query(std::string_view text, std::span<const Token> tokens);

}  // namespace server::console
