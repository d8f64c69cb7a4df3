#pragma once

#include <string>

#include "server/console/ast.h"

namespace server::console {

// The name that a column of an answer has without AS (parse_target.c, FigureColname).
std::string figure_name(const Expression& expression);

}  // namespace server::console
