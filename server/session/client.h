#pragma once

#include <string>
#include <string_view>

#include "server/auth/grants.h"
#include "server/settings/session_settings.h"

namespace server::session {

// The client at the other end of a connection: its role, and what it has set for its session.
struct Client {
  std::string user;
  std::string address;
  auth::Grants grants;
  settings::SessionSettings settings;

  settings::Encoding encoding() const { return settings.encoding(); }
  std::string_view application_name() const { return settings.application_name(); }
};

}  // namespace server::session
