#include "server/console/relations.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "server/console/catalog.h"
#include "tests/console/console_rig.h"

namespace tests {

using server::console::Catalog;
using server::console::Relation;

class ConsoleRelationsTest : public ConsoleRig {};

std::string columns_of(std::string_view name, int version) {
  const Catalog catalog = server::console::make_catalog();
  const Relation* relation = catalog.find(name, false);
  if (relation == nullptr) return "none";
  std::string columns;
  for (const auto& column : relation->columns(version)) {
    columns +=
        std::string(column.name) + " " + std::string(server::console::info(column.type).name) + ",";
  }
  return columns;
}

TEST_F(ConsoleRelationsTest, EveryRelationHasValuesOfItsColumnsInEachVersion) {
  const Catalog catalog = server::console::make_catalog();
  for (int version = 13; version <= 18; ++version) {
    for (const auto& relation : catalog.all()) {
      const std::size_t columns = relation->columns(version).size();
      const std::vector<server::console::Value> arguments(relation->arguments().size());
      const auto rows = relation->rows({*snapshot_, session_, 0}, version, arguments);
      ASSERT_TRUE(rows.has_value()) << relation->name();
      for (const auto& row : *rows) EXPECT_EQ(row.size(), columns) << relation->name();
    }
  }
}

TEST_F(ConsoleRelationsTest, EveryRelationIsReadThroughSql) {
  const Catalog catalog = server::console::make_catalog();
  for (const auto& relation : catalog.all()) {
    const std::string sql =
        "SELECT * FROM " + std::string(relation->name()) +
        (relation->is_function() ? relation->arguments().empty() ? "()" : "(NULL)" : "");
    const Answer text = run(sql);
    EXPECT_FALSE(text.error.has_value()) << sql << ": " << text.what();
    if (relation->name() == "pg_database" || relation->name() == "pg_tablespace") continue;
    const Answer binary = run(sql, {}, server::console::Format::kBinary);
    EXPECT_EQ(binary.rows.size(), text.rows.size()) << sql << ": " << binary.what();
  }
}

// As PostgreSQL 15 answers for pg_attribute.
TEST_F(ConsoleRelationsTest, ReplicationHasThe15thVersionsColumns) {
  EXPECT_EQ(columns_of("pg_stat_replication", 15),
            "pid integer,usesysid oid,usename name,application_name text,client_addr inet,"
            "client_hostname text,client_port integer,backend_start timestamp with time zone,"
            "backend_xmin xid,state text,sent_lsn pg_lsn,write_lsn pg_lsn,flush_lsn pg_lsn,"
            "replay_lsn pg_lsn,write_lag interval,flush_lag interval,replay_lag interval,"
            "sync_priority integer,sync_state text,reply_time timestamp with time zone,");
  EXPECT_EQ(columns_of("pg_replication_slots", 15),
            "slot_name name,plugin name,slot_type text,datoid oid,database name,"
            "temporary boolean,active boolean,active_pid integer,xmin xid,catalog_xmin xid,"
            "restart_lsn pg_lsn,confirmed_flush_lsn pg_lsn,wal_status text,"
            "safe_wal_size bigint,two_phase boolean,");
  EXPECT_EQ(columns_of("pg_stat_wal_receiver", 15),
            "pid integer,status text,receive_start_lsn pg_lsn,receive_start_tli integer,"
            "written_lsn pg_lsn,flushed_lsn pg_lsn,received_tli integer,"
            "last_msg_send_time timestamp with time zone,"
            "last_msg_receipt_time timestamp with time zone,latest_end_lsn pg_lsn,"
            "latest_end_time timestamp with time zone,slot_name text,sender_host text,"
            "sender_port integer,conninfo text,");
}

TEST_F(ConsoleRelationsTest, ColumnsComeAndGoWithTheVersion) {
  const auto has = [](std::string_view relation, int version, std::string_view column) {
    return columns_of(relation, version).find(std::string(column) + " ") != std::string::npos;
  };
  EXPECT_FALSE(has("pg_replication_slots", 13, "two_phase"));
  EXPECT_TRUE(has("pg_replication_slots", 16, "conflicting"));
  EXPECT_FALSE(has("pg_replication_slots", 16, "failover"));
  EXPECT_TRUE(has("pg_replication_slots", 17, "failover"));
  EXPECT_FALSE(has("pg_stat_activity", 13, "query_id"));
  EXPECT_TRUE(has("pg_backend_memory_contexts", 17, "parent"));
  EXPECT_TRUE(has("pg_backend_memory_contexts", 18, "path"));
}

TEST_F(ConsoleRelationsTest, AStandbyIsARow) {
  const Answer answer =
      run("SELECT pid, usename, client_addr, state, sent_lsn, write_lag, flush_lag, reply_time "
          "FROM pg_stat_replication");
  ASSERT_EQ(answer.rows.size(), 1u) << answer.what();
  EXPECT_EQ(answer.rows[0],
            (std::vector<std::string>{"100", "replicator", "127.0.0.1", "streaming", "0/5000100",
                                      "00:00:00.002", "<null>", "2023-11-14 22:13:21.5+00"}));
}

TEST_F(ConsoleRelationsTest, SlotsKeepWal) {
  const Answer answer =
      run("SELECT slot_name, active, restart_lsn, wal_status FROM pg_replication_slots ORDER BY 1");
  ASSERT_EQ(answer.rows.size(), 2u) << answer.what();
  EXPECT_EQ(answer.rows[0], (std::vector<std::string>{"s1", "t", "0/4000000", "reserved"}));
  EXPECT_EQ(answer.rows[1], (std::vector<std::string>{"s2", "f", "<null>", "<null>"}));
}

TEST_F(ConsoleRelationsTest, SettingsAreInTheirBaseUnits) {
  const auto setting = [this](std::string_view name) {
    const Answer answer = run("SELECT setting, unit, vartype FROM pg_settings WHERE name = '" +
                              std::string(name) + "'");
    return answer.rows.empty() ? std::vector<std::string>{answer.what()} : answer.rows[0];
  };
  EXPECT_EQ(setting("wal_segment_size"), (std::vector<std::string>{"16777216", "B", "integer"}));
  EXPECT_EQ(setting("max_wal_senders"), (std::vector<std::string>{"100", "<null>", "integer"}));
  EXPECT_EQ(setting("data_checksums"), (std::vector<std::string>{"on", "<null>", "bool"}));
}

TEST_F(ConsoleRelationsTest, AFunctionTakesTheColumnsOfTheTableBeforeIt) {
  const Answer answer =
      run("SELECT w.pid, a.application_name FROM pg_catalog.pg_stat_get_wal_senders() w, "
          "pg_catalog.pg_stat_get_activity(w.pid) a");
  ASSERT_EQ(answer.rows.size(), 1u) << answer.what() << answer.error->detail;
  EXPECT_EQ(answer.rows[0], (std::vector<std::string>{"100", "standby1"}));
}

}  // namespace tests
