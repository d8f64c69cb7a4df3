#pragma once

#include <string_view>

#include "server/client/request.h"

namespace server::client {

// What its keys do, as lines of a help.
std::string_view top_keys();

// `walcast top`: the standbys of a server, again and again, until the key q. Where standard output
// is no terminal, each look is printed below the last one.
int run_top(const Command& command);

}  // namespace server::client
