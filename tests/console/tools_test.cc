// Statements as tools send them.

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/console/console_rig.h"

namespace tests {

class ConsoleToolsTest : public ConsoleRig {
 protected:
  void expect_answered(std::string_view sql) {
    const Answer answer = run(sql);
    EXPECT_FALSE(answer.error.has_value()) << sql << "\n"
                                           << answer.what() << " " << answer.error->detail;
  }
};

TEST_F(ConsoleToolsTest, PostgresExporterScrapesWithoutAnError) {
  const std::string_view kStatements[]{
      "SELECT version();",
      "SELECT name, setting, COALESCE(unit, ''), short_desc, vartype FROM pg_settings WHERE "
      "vartype IN ('bool', 'integer', 'real') AND name != 'sync_commit_cancel_wait';",
      "SELECT pg_database.datname,tmp.mode,COALESCE(count,0) as count FROM ( VALUES "
      "('accesssharelock'), ('rowsharelock') ) AS tmp(mode) CROSS JOIN pg_database LEFT JOIN "
      "(SELECT database, lower(mode) AS mode,count(*) AS count FROM pg_locks WHERE database IS "
      "NOT NULL GROUP BY database, lower(mode) ) AS tmp2 ON tmp.mode=tmp2.mode and "
      "pg_database.oid = tmp2.database ORDER BY 1",
      "SELECT *, (case pg_is_in_recovery() when 't' then null else pg_current_wal_lsn() end) AS "
      "pg_current_wal_lsn, (case pg_is_in_recovery() when 't' then null else "
      "pg_wal_lsn_diff(pg_current_wal_lsn(), pg_lsn('0/0'))::float end) AS "
      "pg_current_wal_lsn_bytes, (case pg_is_in_recovery() when 't' then null else "
      "pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float end) AS pg_wal_lsn_diff FROM "
      "pg_stat_replication",
      "SELECT *, extract(epoch from now() - last_archived_time) AS last_archive_age FROM "
      "pg_stat_archiver",
      "SELECT pg_database.datname, tmp.state, COALESCE(count,0) as count, "
      "COALESCE(max_tx_duration,0) as max_tx_duration FROM ( VALUES ('active'), ('idle') ) AS "
      "tmp(state) CROSS JOIN pg_database LEFT JOIN (SELECT datname, state, count(*) AS count, "
      "MAX(EXTRACT(EPOCH FROM now() - xact_start))::float AS max_tx_duration FROM "
      "pg_stat_activity GROUP BY datname,state) AS tmp2 ON tmp.state = tmp2.state AND "
      "pg_database.datname = tmp2.datname",
      "SELECT datid, datname, confl_tablespace, confl_lock FROM pg_stat_database_conflicts",
      "SELECT datid, datname, numbackends, xact_commit, stats_reset FROM pg_stat_database ",
      "SELECT checkpoints_timed, buffers_alloc, stats_reset FROM pg_stat_bgwriter",
      "SELECT pg_database.datname ,pg_database_size(pg_database.datname) FROM pg_database;",
      "SELECT datname FROM pg_database WHERE datallowconn = true AND datistemplate = false AND "
      "datname != current_database()",
  };
  for (const std::string_view sql : kStatements) expect_answered(sql);
  EXPECT_TRUE(value("SELECT version()").starts_with("PostgreSQL 15.0 "))
      << value("SELECT version()");
  EXPECT_TRUE(run(";").tag.empty());
  // Its collector takes a row for granted.
  EXPECT_EQ(value("SELECT buffers_alloc FROM pg_stat_bgwriter WHERE stats_reset IS NOT NULL"), "0");
}

// Of 0.11 it has the lag of a slot by pg_current_wal_lsn(), which a standby refuses.
TEST_F(ConsoleToolsTest, TheExportersLagOfASlotIsFromTheEndOfWal) {
  const Answer answer =
      run("SELECT slot_name, database, active, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) "
          "FROM pg_replication_slots");
  ASSERT_EQ(answer.rows.size(), 2u) << answer.what();
  EXPECT_EQ(answer.rows[0], (std::vector<std::string>{"s1", "<null>", "t", "16777472"}));
  EXPECT_EQ(answer.columns[3], "pg_wal_lsn_diff");
}

TEST_F(ConsoleToolsTest, WalgLooksAtTheSlotAndTheSegments) {
  expect_answered("select pg_is_in_recovery()");
  expect_answered("SHOW wal_segment_size");
  expect_answered("select setting::int from pg_settings where name = 'wal_segment_size'");
  const Answer answer =
      run("select active, restart_lsn from pg_replication_slots where slot_name = $1",
          {{server::console::Format::kText, "s1"}});
  ASSERT_EQ(answer.rows.size(), 1u) << answer.what();
  EXPECT_EQ(answer.rows[0], (std::vector<std::string>{"t", "0/4000000"}));
}

TEST_F(ConsoleToolsTest, PgmonetaAsksWhatItWritesDown) {
  for (const std::string_view sql :
       {"SELECT * FROM pg_is_in_recovery();", "SHOW data_checksums;", "SHOW wal_segment_size;"}) {
    expect_answered(sql);
  }
}

TEST_F(ConsoleToolsTest, BarmanChecksItsServer) {
  for (const std::string_view sql :
       {"SELECT 1", "SELECT version()", "SELECT pg_is_in_recovery()",
        "SELECT usesuper FROM pg_user WHERE usename = CURRENT_USER",
        "SELECT setting FROM pg_settings WHERE name='wal_segment_size'",
        "SELECT sum(pg_tablespace_size(oid)) FROM pg_tablespace",
        "SELECT system_identifier::text FROM pg_control_system()",
        "SELECT name, setting FROM pg_settings WHERE name IN ('config_file', 'hba_file')",
        "SELECT DISTINCT sourcefile AS included_file FROM pg_settings WHERE sourcefile IS NOT "
        "NULL AND sourcefile NOT IN (SELECT setting FROM pg_settings WHERE name = "
        "'config_file') ORDER BY 1",
        "SELECT slot_name, active, restart_lsn FROM pg_replication_slots WHERE slot_type = "
        "'physical' AND slot_name = 's1'"}) {
    expect_answered(sql);
  }
  EXPECT_EQ(value("SELECT usesuper FROM pg_user WHERE usename = CURRENT_USER"), "t");
}

TEST_F(ConsoleToolsTest, PatroniFindsAStandby) {
  const Answer answer = run(
      "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 0 ELSE 1 END, "
      "pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_replay_lsn(), '0/0')::bigint, "
      "pg_catalog.pg_wal_lsn_diff(COALESCE(pg_catalog.pg_last_wal_receive_lsn(), '0/0'), "
      "'0/0')::bigint, pg_catalog.pg_is_in_recovery() AND pg_catalog.pg_is_wal_replay_paused()");
  ASSERT_EQ(answer.rows.size(), 1u) << answer.what();
  EXPECT_EQ(answer.rows[0], (std::vector<std::string>{"0", "83886336", "83886336", "f"}));
  expect_answered(
      "SELECT NOT pg_catalog.pg_is_in_recovery() FROM pg_catalog.pg_control_checkpoint()");
  expect_answered(
      "SELECT array_agg(row_to_json(ri)) FROM (SELECT (SELECT rolname FROM pg_catalog.pg_roles "
      "WHERE oid = 10) AS usename, application_name, client_addr, w.state FROM "
      "pg_catalog.pg_stat_get_wal_senders() w, pg_catalog.pg_stat_get_activity(w.pid) a) AS ri");
}

TEST_F(ConsoleToolsTest, RepmgrAndCheckPostgresAskForPositions) {
  for (const std::string_view sql :
       {"SELECT pg_catalog.current_setting('server_version_num')::int",
        "SELECT pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn()",
        "SELECT ts, in_recovery FROM (SELECT CURRENT_TIMESTAMP AS ts, "
        "pg_catalog.pg_is_in_recovery() AS in_recovery) q",
        "SELECT name, setting FROM pg_settings", "SELECT version() AS version",
        "SELECT setting AS mc FROM pg_settings WHERE name = 'max_connections'",
        "SELECT setting FROM pg_settings WHERE name = 'server_version'"}) {
    expect_answered(sql);
  }
}

TEST_F(ConsoleToolsTest, PsqlsBackslashDIsToldWhatWorks) {
  const Answer answer = run(
      "SELECT n.nspname as \"Schema\", c.relname as \"Name\", CASE c.relkind WHEN 'r' THEN "
      "'table' END as \"Type\" FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON "
      "n.oid = c.relnamespace WHERE c.relname OPERATOR(pg_catalog.~) '^(x)$' COLLATE "
      "pg_catalog.default ORDER BY 1,2;");
  EXPECT_EQ(answer.code(), "42P01");
  EXPECT_EQ(answer.what(), "relation \"pg_catalog.pg_class\" does not exist");
  ASSERT_TRUE(answer.error.has_value());
  EXPECT_NE(answer.error->hint.find("SHOW HELP"), std::string::npos);
}

}  // namespace tests
