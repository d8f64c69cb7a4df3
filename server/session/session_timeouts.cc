#include "server/session/session_timeouts.h"

#include <charconv>

#include "server/settings/units.h"

namespace server::session {

namespace {

// A session's values are valid, and are kept as SHOW shows them.
void replace(const settings::SessionSettings& own, std::string_view name,
             runtime::Duration& value) {
  if (const auto text = own.find(name)) value = *settings::parse_duration(*text);
}
void replace(const settings::SessionSettings& own, std::string_view name, int& value) {
  if (const auto text = own.find(name)) std::from_chars(text->begin(), text->end(), value);
}

}  // namespace

SessionTimeouts timeouts_of(const settings::SessionSettings& own, SessionTimeouts timeouts) {
  replace(own, "wal_sender_timeout", timeouts.wal_sender);
  replace(own, "idle_session_timeout", timeouts.idle_session);
  replace(own, "tcp_keepalives_idle", timeouts.tcp.keepalive_idle_s);
  replace(own, "tcp_keepalives_interval", timeouts.tcp.keepalive_interval_s);
  replace(own, "tcp_keepalives_count", timeouts.tcp.keepalive_count);
  replace(own, "tcp_user_timeout", timeouts.tcp.user_timeout_ms);
  return timeouts;
}

}  // namespace server::session
