#pragma once

#include "runtime/result.h"

namespace server::client {

// Says on standard error what is wrong, and returns the exit code of a command that has failed.
int report(const runtime::Error& error);

}  // namespace server::client
