#pragma once

#include <string>
#include <vector>

#include "runtime/result.h"
#include "server/client/request.h"

namespace server::client {

struct CommandReading {
  Command command;
  std::string help;  // asked for; nothing else is meant then
};

// What the words behind the verb say.
runtime::Result<CommandReading> read_command(Command::Verb verb,
                                             const std::vector<std::string>& words);

// Asks, and prints the answer; what is wrong goes to standard error. Returns the exit code.
int run(const Command& command);

}  // namespace server::client
