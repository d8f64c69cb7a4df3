#pragma once

#include <string>
#include <string_view>

#include "server/settings/session_settings.h"

namespace server::session {

// Who is at the other end of a connection, and what that client has set for its session.
struct Client {
  std::string user;
  settings::SessionSettings settings;

  std::string_view encoding() const {
    return settings.find("client_encoding").value_or("SQL_ASCII");
  }
  std::string_view application_name() const {
    return settings.find("application_name").value_or("");
  }
};

}  // namespace server::session
