#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/settings/identifier.h"
#include "server/settings/settings.h"

namespace server::settings {

// What a client has set for its session, over the server's settings.
//   Owner: Session.  Thread: its loop's.
class SessionSettings {
 public:
  // Takes a parameter of the start-up packet, as PostgreSQL would (set_config_option); the name in
  // any case. The errors and the notices, if they
  // are wanted, are PostgreSQL's too.
  runtime::Result<void> set(const Settings& settings, std::string_view name, std::string_view value,
                            Notices& notices);

  // Whether the client takes notices, which client_min_messages may forbid.
  bool wants_notices() const;

  // As SHOW shows it; none if the client did not set it.
  std::optional<std::string_view> find(std::string_view name) const;

  struct Value {
    std::string name;  // in its canonical spelling
    std::string value;
  };
  const std::vector<Value>& all() const { return values_; }

 private:
  void put(std::string_view name, std::string value);

  std::vector<Value> values_;  // few: a client names its application, and its encoding
};

// What SHOW says of a setting: the session's value, or the server's, or what PostgreSQL starts with
// where a client may set it.
runtime::Result<SessionSettings::Value> find_shown(const Settings& settings,
                                                   const SessionSettings& own,
                                                   std::string_view name);

}  // namespace server::settings
