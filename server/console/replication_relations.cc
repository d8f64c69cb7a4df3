#include <limits>
#include <utility>

#include "server/console/relations.h"

namespace server::console {

namespace {

using stats::SlotStatus;
using stats::UpstreamStatus;
using Slots = TableOf<SlotStatus>;
using Upstreams = TableOf<UpstreamStatus>;

std::vector<SlotStatus> slots(const ReadContext& context, std::span<const Value>) {
  return context.snapshot.slots;
}

// PostgreSQL has a row while its walreceiver runs.
std::vector<UpstreamStatus> upstreams(const ReadContext& context, std::span<const Value>) {
  if (!context.snapshot.upstream.has_primary()) return {};
  return {context.snapshot.upstream};
}

Value xid(std::uint64_t with_epoch) {
  return with_epoch == 0 ? null() : integer(static_cast<std::uint32_t>(with_epoch));
}

template <Type kType>
Slots::Definition no(std::string_view name, int since = 0) {
  return {name, kType, [](const SlotStatus&, const ReadContext&) { return null(); }, since};
}
Slots::Definition never(std::string_view name, int since = 0) {
  return {name, Type::kBool, [](const SlotStatus&, const ReadContext&) { return flag(false); },
          since};
}

// Of pg_replication_slots; pg_get_replication_slots() has no name of the database.
std::vector<Slots::Definition> slot_columns(bool with_database) {
  std::vector<Slots::Definition> columns{
      {"slot_name", Type::kName,
       [](const SlotStatus& s, const ReadContext&) { return text(s.name); }},
      no<Type::kName>("plugin"),
      {"slot_type", Type::kText,
       [](const SlotStatus&, const ReadContext&) { return text("physical"); }},
      no<Type::kOid>("datoid"),
  };
  if (with_database) columns.push_back(no<Type::kName>("database"));
  const std::vector<Slots::Definition> rest{
      {"temporary", Type::kBool,
       [](const SlotStatus& s, const ReadContext&) {
         return flag(s.persistence == slot::Persistence::kTemporary);
       }},
      {"active", Type::kBool,
       [](const SlotStatus& s, const ReadContext&) { return flag(s.active_pid != 0); }},
      {"active_pid", Type::kInt4,
       [](const SlotStatus& s, const ReadContext&) {
         return s.active_pid == 0 ? null() : integer(s.active_pid);
       }},
      {"xmin", Type::kXid,
       [](const SlotStatus& s, const ReadContext&) { return xid(s.xmin.data); }},
      {"catalog_xmin", Type::kXid,
       [](const SlotStatus& s, const ReadContext&) { return xid(s.xmin.catalog); }},
      {"restart_lsn", Type::kLsn,
       [](const SlotStatus& s, const ReadContext&) { return position(s.restart_lsn); }},
      no<Type::kLsn>("confirmed_flush_lsn"),
      {"wal_status", Type::kText,
       [](const SlotStatus& s, const ReadContext&) { return text_or_null(name_of(s.wal_status)); }},
      {"safe_wal_size", Type::kInt8,
       [](const SlotStatus& s, const ReadContext&) {
         return s.safe_wal_bytes ? integer(*s.safe_wal_bytes) : null();
       }},
      never("two_phase", 14),
      no<Type::kLsn>("two_phase_at", 18),
      no<Type::kTimestamptz>("inactive_since", 17),
      no<Type::kBool>("conflicting", 16),
      {"invalidation_reason", Type::kText,
       [](const SlotStatus& s, const ReadContext&) {
         return s.wal_status == stats::WalStatus::kLost ? text("wal_removed") : null();
       },
       17},
      never("failover", 17),
      never("synced", 17),
  };
  columns.insert(columns.end(), rest.begin(), rest.end());
  return columns;
}

Value status_of(const UpstreamStatus& u, const ReadContext&) {
  switch (u.state) {
    case stats::UpstreamState::kStreaming:
    case stats::UpstreamState::kPaused:
      return text("streaming");
    case stats::UpstreamState::kConnecting:
      return text("starting");
    default:
      return text("waiting");
  }
}

Value timeline_of(wal::TimelineId timeline) {
  return value(timeline) == 0 ? null() : integer(static_cast<std::int32_t>(value(timeline)));
}

std::vector<Upstreams::Definition> receiver_columns() {
  return {
      {"pid", Type::kInt4,
       [](const UpstreamStatus&, const ReadContext& c) { return integer(c.snapshot.process_id); }},
      {"status", Type::kText, status_of},
      {"receive_start_lsn", Type::kLsn,
       [](const UpstreamStatus& u, const ReadContext&) { return position(u.start); }},
      {"receive_start_tli", Type::kInt4,
       [](const UpstreamStatus& u, const ReadContext&) { return timeline_of(u.start_timeline); }},
      {"written_lsn", Type::kLsn,
       [](const UpstreamStatus& u, const ReadContext&) { return position(u.written); }},
      {"flushed_lsn", Type::kLsn,
       [](const UpstreamStatus& u, const ReadContext&) { return position(u.flushed); }},
      {"received_tli", Type::kInt4,
       [](const UpstreamStatus& u, const ReadContext&) { return timeline_of(u.timeline); }},
      {"last_msg_send_time", Type::kTimestamptz,
       [](const UpstreamStatus& u, const ReadContext&) { return time(u.sent_time); }},
      {"last_msg_receipt_time", Type::kTimestamptz,
       [](const UpstreamStatus& u, const ReadContext&) { return time(u.receipt_time); }},
      {"latest_end_lsn", Type::kLsn,
       [](const UpstreamStatus& u, const ReadContext&) { return position(u.latest_end); }},
      {"latest_end_time", Type::kTimestamptz,
       [](const UpstreamStatus& u, const ReadContext&) { return time(u.latest_end_time); }},
      {"slot_name", Type::kText,
       [](const UpstreamStatus& u, const ReadContext&) { return text_or_null(u.slot_name); }},
      {"sender_host", Type::kText,
       [](const UpstreamStatus& u, const ReadContext&) { return text_or_null(u.host); }},
      {"sender_port", Type::kInt4,
       [](const UpstreamStatus& u, const ReadContext&) {
         return u.port == 0 ? null() : integer(u.port);
       }},
      {"conninfo", Type::kText,
       [](const UpstreamStatus& u, const ReadContext&) { return text_or_null(u.conninfo); }},
  };
}

}  // namespace

void add_replication_relations(Catalog& catalog) {
  catalog.add(std::make_unique<Slots>("pg_replication_slots", slots, slot_columns(true)));
  catalog.add(std::make_unique<Slots>("pg_get_replication_slots", slots, slot_columns(false),
                                      std::vector<Type>()));
  catalog.add(std::make_unique<Upstreams>("pg_stat_wal_receiver", upstreams, receiver_columns()));
  catalog.add(std::make_unique<Upstreams>("pg_stat_get_wal_receiver", upstreams, receiver_columns(),
                                          std::vector<Type>()));
}

}  // namespace server::console
