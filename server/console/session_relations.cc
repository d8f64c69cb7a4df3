#include <utility>

#include "server/console/relations.h"
#include "server/console/server_text.h"

namespace server::console {

namespace {

using stats::SessionKind;
using stats::SessionStatus;
using Sessions = TableOf<SessionStatus>;
using Shown = Sessions::Definition;

constexpr std::int64_t kRoleOid = 10;     // of every role: there is no pg_authid
constexpr std::int64_t kDatabaseOid = 5;  // "postgres" of a new cluster

bool streams(const SessionStatus& s) { return s.kind == SessionKind::kWalSender && s.streams; }

Sessions::Items sessions_that(bool (*wanted)(const SessionStatus&)) {
  return [wanted](const ReadContext& context, std::span<const Value> arguments) {
    std::vector<SessionStatus> found;
    for (const SessionStatus& session : context.snapshot.sessions) {
      const bool asked = arguments.empty() || is_null(arguments[0]) ||
                         arguments[0] == Value(std::int64_t{session.process_id});
      if (asked && wanted(session)) found.push_back(session);
    }
    return found;
  };
}

Value lag(const std::optional<runtime::Duration>& lag) { return lag ? interval(*lag) : null(); }

Value xid(std::uint64_t with_epoch) {
  return with_epoch == 0 ? null() : integer(static_cast<std::uint32_t>(with_epoch));
}

const Shown kPid{"pid", Type::kInt4,
                 [](const SessionStatus& s, const ReadContext&) { return integer(s.process_id); }};
const Shown kUseSysId{"usesysid", Type::kOid, [](const SessionStatus& s, const ReadContext&) {
                        return s.user.empty() ? null() : integer(kRoleOid);
                      }};
const Shown kUseName{"usename", Type::kName, [](const SessionStatus& s, const ReadContext&) {
                       return text_or_null(s.user);
                     }};
const Shown kApplicationName{
    "application_name", Type::kText,
    [](const SessionStatus& s, const ReadContext&) { return text(s.application_name); }};
const Shown kClientAddress{
    "client_addr", Type::kInet,
    [](const SessionStatus& s, const ReadContext&) { return address(s.client_host); }};
const Shown kClientHostname{"client_hostname", Type::kText,
                            [](const SessionStatus&, const ReadContext&) { return null(); }};
const Shown kClientPort{"client_port", Type::kInt4, [](const SessionStatus& s, const ReadContext&) {
                          return integer(s.client_port);
                        }};
const Shown kBackendStart{
    "backend_start", Type::kTimestamptz,
    [](const SessionStatus& s, const ReadContext&) { return time(s.backend_start); }};

// What pg_stat_get_wal_senders() has too, from the state on.
std::vector<Shown> sender_columns() {
  return {
      {"state", Type::kText,
       [](const SessionStatus& s, const ReadContext&) { return text(s.state); }},
      {"sent_lsn", Type::kLsn,
       [](const SessionStatus& s, const ReadContext&) { return position(s.sent); }},
      {"write_lsn", Type::kLsn,
       [](const SessionStatus& s, const ReadContext&) { return position(s.write); }},
      {"flush_lsn", Type::kLsn,
       [](const SessionStatus& s, const ReadContext&) { return position(s.flush); }},
      {"replay_lsn", Type::kLsn,
       [](const SessionStatus& s, const ReadContext&) { return position(s.apply); }},
      {"write_lag", Type::kInterval,
       [](const SessionStatus& s, const ReadContext&) { return lag(s.write_lag); }},
      {"flush_lag", Type::kInterval,
       [](const SessionStatus& s, const ReadContext&) { return lag(s.flush_lag); }},
      {"replay_lag", Type::kInterval,
       [](const SessionStatus& s, const ReadContext&) { return lag(s.replay_lag); }},
      {"sync_priority", Type::kInt4,
       [](const SessionStatus& s, const ReadContext&) { return integer(s.sync_priority); }},
      {"sync_state", Type::kText,
       [](const SessionStatus& s, const ReadContext&) { return text(name_of(s.sync_state)); }},
      {"reply_time", Type::kTimestamptz,
       [](const SessionStatus& s, const ReadContext&) { return time(s.reply_time); }},
  };
}

std::vector<Shown> replication_columns() {
  std::vector<Shown> columns{
      kPid,
      kUseSysId,
      kUseName,
      kApplicationName,
      kClientAddress,
      kClientHostname,
      kClientPort,
      kBackendStart,
      {"backend_xmin", Type::kXid,
       [](const SessionStatus& s, const ReadContext&) { return xid(s.xmin.data); }}};
  for (Shown& column : sender_columns()) columns.push_back(column);
  return columns;
}

bool is_console(const SessionStatus& s) { return s.kind == SessionKind::kConsole; }
bool is_own(const SessionStatus& s, const ReadContext& context) {
  return s.process_id == context.session.process_id;
}

// Only the session that asks is known to run a statement.
Value state_of(const SessionStatus& s, const ReadContext& context) {
  if (s.kind == SessionKind::kStartup) return null();
  if (s.kind == SessionKind::kWalSender) return text(s.streams ? "active" : "idle");
  return text(is_own(s, context) ? "active" : "idle");
}

template <Type kType>
Shown unknown(std::string_view name) {
  return {name, kType, [](const SessionStatus&, const ReadContext&) { return null(); }};
}

std::vector<Shown> activity_columns() {
  std::vector<Shown> columns{
      {"datid", Type::kOid,
       [](const SessionStatus& s, const ReadContext&) {
         return is_console(s) ? integer(kDatabaseOid) : null();
       }},
      {"datname", Type::kName,
       [](const SessionStatus& s, const ReadContext&) {
         return is_console(s) ? text(s.database) : null();
       }},
      kPid,
      unknown<Type::kInt4>("leader_pid"),
      kUseSysId,
      kUseName,
      kApplicationName,
      kClientAddress,
      kClientHostname,
      kClientPort,
      kBackendStart,
      {"xact_start", Type::kTimestamptz,
       [](const SessionStatus& s, const ReadContext& c) {
         return is_own(s, c) ? Value(c.now) : null();
       }},
      {"query_start", Type::kTimestamptz,
       [](const SessionStatus& s, const ReadContext& c) {
         return is_own(s, c) ? Value(c.now) : null();
       }},
      unknown<Type::kTimestamptz>("state_change"),
      {"wait_event_type", Type::kText,
       [](const SessionStatus& s, const ReadContext& c) {
         return is_own(s, c) || s.kind == SessionKind::kStartup ? null() : text("Client");
       }},
      {"wait_event", Type::kText,
       [](const SessionStatus& s, const ReadContext& c) {
         if (is_own(s, c) || s.kind == SessionKind::kStartup) return null();
         return text(s.streams ? "WalSenderWaitForWal" : "ClientRead");
       }},
      {"state", Type::kText, state_of},
      unknown<Type::kXid>("backend_xid"),
      {"backend_xmin", Type::kXid,
       [](const SessionStatus& s, const ReadContext&) { return xid(s.xmin.data); }},
  };
  Shown query_id = unknown<Type::kInt8>("query_id");
  query_id.since = 14;
  columns.push_back(query_id);
  columns.push_back({"query", Type::kText, [](const SessionStatus& s, const ReadContext&) {
                       return text(s.streams ? "START_REPLICATION" : "");
                     }});
  columns.push_back({"backend_type", Type::kText, [](const SessionStatus& s, const ReadContext&) {
                       return text(name_of(s.kind));
                     }});
  return columns;
}

std::vector<Shown> ssl_columns() {
  return {
      kPid,
      {"ssl", Type::kBool,
       [](const SessionStatus& s, const ReadContext&) { return flag(s.tls.has_value()); }},
      {"version", Type::kText,
       [](const SessionStatus& s, const ReadContext&) {
         return s.tls ? text(s.tls->version) : null();
       }},
      {"cipher", Type::kText,
       [](const SessionStatus& s, const ReadContext&) {
         return s.tls ? text(s.tls->cipher) : null();
       }},
      {"bits", Type::kInt4,
       [](const SessionStatus& s, const ReadContext&) {
         return s.tls ? integer(s.tls->bits) : null();
       }},
      {"client_dn", Type::kText,
       [](const SessionStatus& s, const ReadContext&) {
         return s.tls ? text_or_null(s.tls->client_dn) : null();
       }},
      unknown<Type::kNumeric>("client_serial"),
      unknown<Type::kText>("issuer_dn"),
  };
}

std::vector<Shown> gssapi_columns() {
  const auto no = [](const SessionStatus&, const ReadContext&) { return flag(false); };
  return {kPid,
          {"gss_authenticated", Type::kBool, no},
          unknown<Type::kText>("principal"),
          {"encrypted", Type::kBool, no},
          {"credentials_delegated", Type::kBool, no, 16}};
}

bool is_any(const SessionStatus&) { return true; }
bool is_in(const SessionStatus& s) { return s.kind != SessionKind::kStartup; }

}  // namespace

void add_session_relations(Catalog& catalog) {
  const auto add = [&catalog](std::string_view name, bool (*wanted)(const SessionStatus&),
                              std::vector<Shown> columns,
                              std::optional<std::vector<Type>> arguments = {}) {
    catalog.add(std::make_unique<Sessions>(name, sessions_that(wanted), std::move(columns),
                                           std::move(arguments)));
  };
  add("pg_stat_replication", streams, replication_columns());
  std::vector<Shown> senders = sender_columns();
  senders.insert(senders.begin(), kPid);
  add("pg_stat_get_wal_senders", streams, senders, std::vector<Type>());
  add("pg_stat_activity", is_any, activity_columns());
  add("pg_stat_get_activity", is_any, activity_columns(), std::vector<Type>{Type::kInt4});
  add("pg_stat_ssl", is_in, ssl_columns());
  add("pg_stat_gssapi", is_in, gssapi_columns());
}

}  // namespace server::console
