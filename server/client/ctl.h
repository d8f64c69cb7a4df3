#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/client/request.h"

namespace server::client {

// The commands of `walcast ctl`, as lines of a help.
std::string_view ctl_commands();

// Whether the words are one of them.
runtime::Result<void> check_ctl(const std::vector<std::string>& words);

// `walcast ctl`: one verb of the console. Exit code 1: it was refused, or what it is for is not
// there.
int run_ctl(const Command& command);

}  // namespace server::client
