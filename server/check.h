#pragma once

#include "server/command_line.h"

namespace server {

// `walcast serve --check`: looks at all that `serve` would need, changes nothing, and prints a line
// on standard output for each thing that it has found. Returns the exit code: 1 if the server could
// not run, or could not get WAL. Blocks on the disk and on the primary.
int check(const CommandLine& line);

}  // namespace server
