#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "server/console/relations.h"

namespace server::console {

namespace {

// Columns as PostgreSQL 15 has them.
constexpr Column kStatArchiver[]{{"archived_count", Type::kInt8},
                                 {"last_archived_wal", Type::kText},
                                 {"last_archived_time", Type::kTimestamptz},
                                 {"failed_count", Type::kInt8},
                                 {"last_failed_wal", Type::kText},
                                 {"last_failed_time", Type::kTimestamptz},
                                 {"stats_reset", Type::kTimestamptz}};
constexpr Column kStatDatabase[]{{"datid", Type::kOid},
                                 {"datname", Type::kName},
                                 {"numbackends", Type::kInt4},
                                 {"xact_commit", Type::kInt8},
                                 {"xact_rollback", Type::kInt8},
                                 {"blks_read", Type::kInt8},
                                 {"blks_hit", Type::kInt8},
                                 {"tup_returned", Type::kInt8},
                                 {"tup_fetched", Type::kInt8},
                                 {"tup_inserted", Type::kInt8},
                                 {"tup_updated", Type::kInt8},
                                 {"tup_deleted", Type::kInt8},
                                 {"conflicts", Type::kInt8},
                                 {"temp_files", Type::kInt8},
                                 {"temp_bytes", Type::kInt8},
                                 {"deadlocks", Type::kInt8},
                                 {"checksum_failures", Type::kInt8},
                                 {"checksum_last_failure", Type::kTimestamptz},
                                 {"blk_read_time", Type::kFloat8},
                                 {"blk_write_time", Type::kFloat8},
                                 {"session_time", Type::kFloat8},
                                 {"active_time", Type::kFloat8},
                                 {"idle_in_transaction_time", Type::kFloat8},
                                 {"sessions", Type::kInt8},
                                 {"sessions_abandoned", Type::kInt8},
                                 {"sessions_fatal", Type::kInt8},
                                 {"sessions_killed", Type::kInt8},
                                 {"stats_reset", Type::kTimestamptz}};
constexpr Column kStatDatabaseConflicts[]{{"datid", Type::kOid},
                                          {"datname", Type::kName},
                                          {"confl_tablespace", Type::kInt8},
                                          {"confl_lock", Type::kInt8},
                                          {"confl_snapshot", Type::kInt8},
                                          {"confl_bufferpin", Type::kInt8},
                                          {"confl_deadlock", Type::kInt8}};
constexpr Column kLocks[]{{"locktype", Type::kText},
                          {"database", Type::kOid},
                          {"relation", Type::kOid},
                          {"page", Type::kInt4},
                          {"tuple", Type::kInt2},
                          {"virtualxid", Type::kText},
                          {"transactionid", Type::kXid},
                          {"classid", Type::kOid},
                          {"objid", Type::kOid},
                          {"objsubid", Type::kInt2},
                          {"virtualtransaction", Type::kText},
                          {"pid", Type::kInt4},
                          {"mode", Type::kText},
                          {"granted", Type::kBool},
                          {"fastpath", Type::kBool},
                          {"waitstart", Type::kTimestamptz}};
constexpr Column kStatUserTables[]{{"relid", Type::kOid},
                                   {"schemaname", Type::kName},
                                   {"relname", Type::kName},
                                   {"seq_scan", Type::kInt8},
                                   {"seq_tup_read", Type::kInt8},
                                   {"idx_scan", Type::kInt8},
                                   {"idx_tup_fetch", Type::kInt8},
                                   {"n_tup_ins", Type::kInt8},
                                   {"n_tup_upd", Type::kInt8},
                                   {"n_tup_del", Type::kInt8},
                                   {"n_tup_hot_upd", Type::kInt8},
                                   {"n_live_tup", Type::kInt8},
                                   {"n_dead_tup", Type::kInt8},
                                   {"n_mod_since_analyze", Type::kInt8},
                                   {"n_ins_since_vacuum", Type::kInt8},
                                   {"last_vacuum", Type::kTimestamptz},
                                   {"last_autovacuum", Type::kTimestamptz},
                                   {"last_analyze", Type::kTimestamptz},
                                   {"last_autoanalyze", Type::kTimestamptz},
                                   {"vacuum_count", Type::kInt8},
                                   {"autovacuum_count", Type::kInt8},
                                   {"analyze_count", Type::kInt8},
                                   {"autoanalyze_count", Type::kInt8}};
constexpr Column kStatioUserTables[]{
    {"relid", Type::kOid},           {"schemaname", Type::kName},
    {"relname", Type::kName},        {"heap_blks_read", Type::kInt8},
    {"heap_blks_hit", Type::kInt8},  {"idx_blks_read", Type::kInt8},
    {"idx_blks_hit", Type::kInt8},   {"toast_blks_read", Type::kInt8},
    {"toast_blks_hit", Type::kInt8}, {"tidx_blks_read", Type::kInt8},
    {"tidx_blks_hit", Type::kInt8}};
constexpr Column kStatUserIndexes[]{{"relid", Type::kOid},         {"indexrelid", Type::kOid},
                                    {"schemaname", Type::kName},   {"relname", Type::kName},
                                    {"indexrelname", Type::kName}, {"idx_scan", Type::kInt8},
                                    {"idx_tup_read", Type::kInt8}, {"idx_tup_fetch", Type::kInt8}};
constexpr Column kStatioUserIndexes[]{{"relid", Type::kOid},         {"indexrelid", Type::kOid},
                                      {"schemaname", Type::kName},   {"relname", Type::kName},
                                      {"indexrelname", Type::kName}, {"idx_blks_read", Type::kInt8},
                                      {"idx_blks_hit", Type::kInt8}};
constexpr Column kStatBgwriter[]{
    {"checkpoints_timed", Type::kInt8},       {"checkpoints_req", Type::kInt8},
    {"checkpoint_write_time", Type::kFloat8}, {"checkpoint_sync_time", Type::kFloat8},
    {"buffers_checkpoint", Type::kInt8},      {"buffers_clean", Type::kInt8},
    {"maxwritten_clean", Type::kInt8},        {"buffers_backend", Type::kInt8},
    {"buffers_backend_fsync", Type::kInt8},   {"buffers_alloc", Type::kInt8},
    {"stats_reset", Type::kTimestamptz}};
constexpr Column kStatWal[]{{"wal_records", Type::kInt8},       {"wal_fpi", Type::kInt8},
                            {"wal_bytes", Type::kNumeric},      {"wal_buffers_full", Type::kInt8},
                            {"wal_write", Type::kInt8},         {"wal_sync", Type::kInt8},
                            {"wal_write_time", Type::kFloat8},  {"wal_sync_time", Type::kFloat8},
                            {"stats_reset", Type::kTimestamptz}};
constexpr Column kPreparedXacts[]{{"transaction", Type::kXid},
                                  {"gid", Type::kText},
                                  {"prepared", Type::kTimestamptz},
                                  {"owner", Type::kName},
                                  {"database", Type::kName}};
constexpr Column kExtension[]{{"oid", Type::kOid},
                              {"extname", Type::kName},
                              {"extowner", Type::kOid},
                              {"extnamespace", Type::kOid},
                              {"extrelocatable", Type::kBool},
                              {"extversion", Type::kText},
                              {"extconfig", Type::kOidArray},
                              {"extcondition", Type::kTextArray}};
constexpr Column kTablespace[]{{"oid", Type::kOid},
                               {"spcname", Type::kName},
                               {"spcowner", Type::kOid},
                               {"spcacl", Type::kAclitemArray},
                               {"spcoptions", Type::kTextArray}};
constexpr Column kHbaFileRules[]{
    {"line_number", Type::kInt4},    {"type", Type::kText},         {"database", Type::kTextArray},
    {"user_name", Type::kTextArray}, {"address", Type::kText},      {"netmask", Type::kText},
    {"auth_method", Type::kText},    {"options", Type::kTextArray}, {"error", Type::kText}};
constexpr Column kIdentFileMappings[]{{"line_number", Type::kInt4},
                                      {"map_name", Type::kText},
                                      {"sys_name", Type::kText},
                                      {"pg_username", Type::kText},
                                      {"error", Type::kText}};
constexpr Column kStatSubscription[]{{"subid", Type::kOid},
                                     {"subname", Type::kName},
                                     {"pid", Type::kInt4},
                                     {"relid", Type::kOid},
                                     {"received_lsn", Type::kLsn},
                                     {"last_msg_send_time", Type::kTimestamptz},
                                     {"last_msg_receipt_time", Type::kTimestamptz},
                                     {"latest_end_lsn", Type::kLsn},
                                     {"latest_end_time", Type::kTimestamptz}};
constexpr Column kStatSlru[]{
    {"name", Type::kText},      {"blks_zeroed", Type::kInt8},  {"blks_hit", Type::kInt8},
    {"blks_read", Type::kInt8}, {"blks_written", Type::kInt8}, {"blks_exists", Type::kInt8},
    {"flushes", Type::kInt8},   {"truncates", Type::kInt8},    {"stats_reset", Type::kTimestamptz}};
constexpr Column kStatProgressBasebackup[]{{"pid", Type::kInt4},
                                           {"phase", Type::kText},
                                           {"backup_total", Type::kInt8},
                                           {"backup_streamed", Type::kInt8},
                                           {"tablespaces_total", Type::kInt8},
                                           {"tablespaces_streamed", Type::kInt8}};
constexpr Column kPublication[]{
    {"oid", Type::kOid},           {"pubname", Type::kName},     {"pubowner", Type::kOid},
    {"puballtables", Type::kBool}, {"pubinsert", Type::kBool},   {"pubupdate", Type::kBool},
    {"pubdelete", Type::kBool},    {"pubtruncate", Type::kBool}, {"pubviaroot", Type::kBool}};

struct Empty {
  std::string_view name;
  std::span<const Column> columns;
};
constexpr Empty kEmpty[]{
    {"pg_stat_archiver", kStatArchiver},
    {"pg_stat_database", kStatDatabase},
    {"pg_stat_database_conflicts", kStatDatabaseConflicts},
    {"pg_locks", kLocks},
    {"pg_stat_user_tables", kStatUserTables},
    {"pg_statio_user_tables", kStatioUserTables},
    {"pg_stat_user_indexes", kStatUserIndexes},
    {"pg_statio_user_indexes", kStatioUserIndexes},
    {"pg_stat_bgwriter", kStatBgwriter},
    {"pg_stat_wal", kStatWal},
    {"pg_prepared_xacts", kPreparedXacts},
    {"pg_extension", kExtension},
    {"pg_tablespace", kTablespace},
    {"pg_hba_file_rules", kHbaFileRules},
    {"pg_ident_file_mappings", kIdentFileMappings},
    {"pg_stat_subscription", kStatSubscription},
    {"pg_stat_slru", kStatSlru},
    {"pg_stat_progress_basebackup", kStatProgressBasebackup},
    {"pg_publication", kPublication},
};

// One row of zeros, since the start: of what monitors take a row for granted.
class ZeroTable final : public Relation {
 public:
  explicit ZeroTable(const Empty& empty) : Relation(empty.name), empty_(empty) {}

  std::vector<Column> columns(int) const override {
    return {empty_.columns.begin(), empty_.columns.end()};
  }
  runtime::Result<std::vector<Row>> rows(const ReadContext& context, int,
                                         std::span<const Value>) const override {
    Row row;
    for (const Column& column : empty_.columns) {
      if (column.type == Type::kTimestamptz) {
        row.push_back(time(context.snapshot.start_time));
      } else if (column.type == Type::kFloat8) {
        row.emplace_back(0.0);
      } else {
        row.push_back(integer(0));
      }
    }
    return std::vector<Row>{std::move(row)};
  }

 private:
  const Empty& empty_;
};

}  // namespace

void add_empty_relations(Catalog& catalog) {
  for (const Empty& relation : kEmpty) {
    if (relation.name == "pg_stat_bgwriter") {
      catalog.add(std::make_unique<ZeroTable>(relation));
      continue;
    }
    catalog.add(std::make_unique<EmptyTable>(
        relation.name, std::vector<Column>(relation.columns.begin(), relation.columns.end())));
  }
}

}  // namespace server::console
