// Functions that say how the server is (xlogfuncs.c, misc.c, pgstatfuncs.c, inet.c).

#include <algorithm>

#include "runtime/format.h"
#include "server/console/arrays.h"
#include "server/console/errors.h"
#include "server/console/function.h"
#include "server/console/server_text.h"
#include "server/console/times.h"
#include "server/settings/cluster_settings.h"
#include "server/settings/session_settings.h"
#include "server/wal/names.h"

namespace server::console {

namespace {

const std::string& text_of(const Value& value) { return std::get<std::string>(value); }
std::int64_t integer_of(const Value& value) { return std::get<std::int64_t>(value); }

runtime::Result<Value> in_recovery(CallContext&, Arguments) {
  return runtime::Error{.kind = &runtime::kObjectNotInPrerequisiteState,
                        .what = "recovery is in progress",
                        .hint = "WAL control functions cannot be executed during recovery."};
}

runtime::Result<Value> end_of_wal(CallContext& context, Arguments) {
  return position(context.snapshot.end);
}

// What the primary has sent, written to the spool and flushed there; of a directory, its end.
runtime::Result<Value> received(CallContext& context, Arguments) {
  const stats::UpstreamStatus& upstream = context.snapshot.upstream;
  return position(upstream.has_primary() && upstream.flushed.valid() ? upstream.flushed
                                                                     : context.snapshot.end);
}

// A position's file, by the timeline that is served.
runtime::Result<Value> wal_file(CallContext& context, Arguments a) {
  const stats::Snapshot& snapshot = context.snapshot;
  const wal::Lsn lsn = lsn_of(integer_of(a[0]));
  if (value(snapshot.timeline) == 0) return null();
  // The end of a segment is in the one before it (XLByteToPrevSeg).
  const wal::SegmentSize size = snapshot.identity.segment_size;
  const auto number = size.segment_of(lsn.valid() ? lsn - 1 : lsn);
  return text(wal::segment_name(snapshot.timeline, number, size));
}

runtime::Result<Value> setting(CallContext& context, Arguments a) {
  const std::string& name = text_of(a[0]);
  auto shown = shown_setting(*context.snapshot.settings, context.session, name);
  if (shown) return text(*shown);
  const bool missing_ok = a.size() > 1 && !is_null(a[1]) && integer_of(a[1]) != 0;
  if (missing_ok) return null();
  return std::move(shown).error();
}

runtime::Result<Value> set_setting(CallContext& context, Arguments a) {
  TRY(change_setting(*context.snapshot.settings, context.session, text_of(a[0]), text_of(a[1])));
  return text(TRY(shown_setting(*context.snapshot.settings, context.session, text_of(a[0]))));
}

runtime::Result<Value> user_name(CallContext& context, Arguments) {
  return text(context.session.user);
}
runtime::Result<Value> database_name(CallContext& context, Arguments) {
  return text(context.session.database);
}
runtime::Result<Value> yes(CallContext&, Arguments) { return flag(true); }
runtime::Result<Value> no(CallContext&, Arguments) { return flag(false); }

runtime::Result<Value> database_size(CallContext& context, Arguments) {
  return count_of(context.snapshot.spool.bytes);
}

std::vector<Function> position_functions() {
  constexpr Type kLsn = Type::kLsn;
  constexpr Type kT = Type::kText;
  std::vector<Function> functions{
      {"walcast_end_of_wal", {}, kLsn, end_of_wal},
      {"pg_last_wal_receive_lsn", {}, kLsn, received},
      {"pg_last_wal_replay_lsn", {}, kLsn, end_of_wal},
      {"pg_last_xact_replay_timestamp",
       {},
       Type::kTimestamptz,
       [](CallContext&, Arguments) -> runtime::Result<Value> { return null(); }},
      {"pg_is_in_recovery", {}, Type::kBool, yes},
      {"pg_is_wal_replay_paused", {}, Type::kBool, no},
      {"pg_get_wal_replay_pause_state",
       {},
       kT,
       [](CallContext&, Arguments) -> runtime::Result<Value> { return text("not paused"); }},
      {"pg_is_in_backup", {}, Type::kBool, no},
      {"pg_walfile_name", {kLsn}, kT, wal_file},
      {"pg_wal_lsn_diff",
       {kLsn, kLsn},
       Type::kNumeric,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         std::int64_t difference = 0;
         if (!__builtin_sub_overflow(integer_of(a[0]), integer_of(a[1]), &difference)) {
           return Value(difference);
         }
         return Value(static_cast<double>(integer_of(a[0])) -
                      static_cast<double>(integer_of(a[1])));
       }},
  };
  for (const std::string_view name : {"pg_current_wal_lsn", "pg_current_wal_insert_lsn",
                                      "pg_current_wal_flush_lsn", "pg_switch_wal"}) {
    functions.push_back({name, {}, kLsn, in_recovery});
  }
  functions.push_back({"pg_create_restore_point", {kT}, kLsn, in_recovery});
  return functions;
}

std::vector<Function> address_functions() {
  return {
      {"inet_client_addr",
       {},
       Type::kInet,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         return address(context.session.client_address);
       }},
      {"inet_client_port",
       {},
       Type::kInt4,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         return context.session.client_port < 0 ? null() : integer(context.session.client_port);
       }},
      {"inet_server_addr",
       {},
       Type::kInet,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         return address(context.session.server_address);
       }},
      {"inet_server_port",
       {},
       Type::kInt4,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         return context.session.server_port < 0 ? null() : integer(context.session.server_port);
       }},
  };
}

std::vector<Function> session_functions() {
  constexpr Type kT = Type::kText;
  constexpr Type kTime = Type::kTimestamptz;
  std::vector<Function> functions{
      {"version",
       {},
       kT,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         return text(version_text(context.snapshot));
       }},
      {"pg_backend_pid",
       {},
       Type::kInt4,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         return integer(context.session.process_id);
       }},
      {"pg_postmaster_start_time",
       {},
       kTime,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         return time(context.snapshot.start_time);
       }},
      {"pg_conf_load_time",
       {},
       kTime,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         return time(context.snapshot.config_load_time);
       }},
  };
  for (Function& function : address_functions()) functions.push_back(std::move(function));
  for (const std::string_view name : {"current_user", "session_user", "user", "current_role"}) {
    functions.push_back({name, {}, Type::kName, user_name});
  }
  for (const std::string_view name : {"current_database", "current_catalog"}) {
    functions.push_back({name, {}, Type::kName, database_name});
  }
  return functions;
}

std::vector<Function> cluster_functions() {
  constexpr Type kT = Type::kText;
  return {
      {"current_schema",
       {},
       Type::kName,
       [](CallContext&, Arguments) -> runtime::Result<Value> { return text("pg_catalog"); }},
      {"current_setting", {kT}, kT, setting},
      {"current_setting", {kT, Type::kBool}, kT, setting, 0, false},
      {"set_config", {kT, kT, Type::kBool}, kT, set_setting},
      {"pg_encoding_to_char",
       {Type::kInt4},
       Type::kName,
       [](CallContext&, Arguments) -> runtime::Result<Value> { return text("SQL_ASCII"); }},
      {"pg_database_size", {Type::kName}, Type::kInt8, database_size},
      {"pg_database_size", {Type::kOid}, Type::kInt8, database_size},
      {"pg_tablespace_size", {Type::kName}, Type::kInt8, database_size},
      {"pg_tablespace_size", {Type::kOid}, Type::kInt8, database_size},
      {"has_function_privilege", {Type::kName, kT, kT}, Type::kBool, yes},
      {"has_database_privilege", {Type::kName, kT}, Type::kBool, yes},
      {"pg_has_role",
       {Type::kName, Type::kName, kT},
       Type::kBool,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         return flag(may_administer(context.session));
       }},
      {"pg_has_role",
       {Type::kName, kT},
       Type::kBool,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         return flag(may_administer(context.session));
       }},
      {"txid_current",
       {},
       Type::kInt8,
       [](CallContext&, Arguments) -> runtime::Result<Value> {
         return runtime::Error{.kind = &runtime::kObjectNotInPrerequisiteState,
                               .what = "cannot assign TransactionIds during recovery"};
       }},
  };
}

}  // namespace

std::vector<Function> server_functions() {
  std::vector<Function> all = position_functions();
  for (auto* more : {session_functions, cluster_functions}) {
    for (Function& function : more()) all.push_back(std::move(function));
  }
  return all;
}

}  // namespace server::console
