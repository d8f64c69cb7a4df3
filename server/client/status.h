#pragma once

#include "server/client/request.h"

namespace server::client {

// `walcast status`: what the server is and does, once. Exit code 1 if it cannot be asked.
int run_status(const Command& command);

}  // namespace server::client
