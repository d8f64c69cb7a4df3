#pragma once

#include "server/config/config.h"
#include "server/session/environment.h"

namespace server::assembly {

// What the configuration says of sessions. A reload makes it anew.
session::SessionEnvironment::Options session_options(const config::ServeConfig& config);

}  // namespace server::assembly
