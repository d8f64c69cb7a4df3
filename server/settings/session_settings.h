#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "runtime/tcp_timeouts.h"
#include "server/settings/encoding.h"
#include "server/settings/identifier.h"
#include "server/settings/postgres_settings.h"
#include "server/settings/setting_value.h"
#include "server/settings/settings.h"

namespace server::settings {

// How long a session waits for its client; 0 is for ever.
struct Timeouts {
  runtime::Duration wal_sender{};
  runtime::Duration idle_session{};  // between commands
  runtime::Duration idle_in_transaction{};
  runtime::Duration statement{};  // that a statement may take
  runtime::TcpTimeouts tcp;
};

// What a client has set for its session, over the server's settings. A value is parsed once, when
// it is set; what the session acts on is kept typed beside the text that SHOW shows.
//   Owner: Session.  Thread: its loop's.
//   Limits: as many as a start-up packet has; to set or find one takes a few comparisons however
//     many there are.
class SessionSettings {
 public:
  // Takes a parameter of the start-up packet, as PostgreSQL would (set_config_option). The name may
  // be in any case. The errors are PostgreSQL's, and so are the notices, if the client wants any. A
  // value that is refused leaves the one before it.
  runtime::Result<void> set(const Settings& settings, std::string_view name, std::string_view value,
                            Notices& notices);

  // The value as SHOW shows it; none if the client did not set it.
  std::optional<std::string_view> find(std::string_view name) const;

  // Whether the client takes notices, which client_min_messages may forbid.
  bool wants_notices() const { return wants_notices_; }
  Encoding encoding() const { return encoding_; }
  std::string_view application_name() const { return find("application_name").value_or(""); }
  // The client's own, or else the server's.
  Timeouts timeouts(const Timeouts& of_server) const;

  // The bytes of memory that the names and values take.
  std::size_t kept_bytes() const;

  struct Value {
    std::string name;  // in its canonical spelling
    std::string value;
  };

 private:
  struct NameLess {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const {
      return setting_name_less(a, b);
    }
  };
  // Those of Timeouts that the client has set.
  struct OwnTimeouts {
    std::optional<runtime::Duration> wal_sender;
    std::optional<runtime::Duration> idle_session;
    std::optional<runtime::Duration> idle_in_transaction;
    std::optional<runtime::Duration> statement;
    std::optional<int> keepalive_idle_s;
    std::optional<int> keepalive_interval_s;
    std::optional<int> keepalive_count;
    std::optional<int> user_timeout_ms;
  };

  void act_on(std::string_view name, const SettingValue& value);
  void put(std::string_view name, std::string value);

  // Mostly few: a client names its application, and its encoding.
  std::map<std::string, std::string, NameLess> values_;
  OwnTimeouts timeouts_;
  Encoding encoding_ = Encoding::kSqlAscii;
  bool wants_notices_ = true;
};

// The answer to SHOW for one setting: the session's value, or else the server's, or else
// PostgreSQL's initial value of a setting that a client may set.
runtime::Result<SessionSettings::Value> find_shown(const Settings& settings,
                                                   const SessionSettings& own,
                                                   std::string_view name);

}  // namespace server::settings
