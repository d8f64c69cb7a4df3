#include "server/console/engine.h"

#include <gtest/gtest.h>

#include "tests/console/console_rig.h"

namespace tests {

using server::console::Format;
using server::console::Parameter;
using server::console::split_statements;
using server::console::TransactionStatus;

class ConsoleEngineTest : public ConsoleRig {};

TEST_F(ConsoleEngineTest, AConstantHasPostgresTypeAndName) {
  const Answer answer = run("SELECT 1");
  EXPECT_EQ(answer.value(), "1");
  EXPECT_EQ(answer.types, std::vector<std::uint32_t>{23});
  EXPECT_EQ(answer.columns, std::vector<std::string>{"?column?"});
  EXPECT_EQ(answer.tag, "SELECT 1");
}

TEST_F(ConsoleEngineTest, ExpressionsAnswerAsPostgres) {
  const std::pair<std::string_view, std::string_view> kCases[]{
      {"SELECT 7 / 2", "3"},
      {"SELECT 7 % -2", "1"},
      {"SELECT 1.5 + 1", "2.5"},
      {"SELECT 'a' || 'b' || 1", "ab1"},
      {"SELECT '5'::int + 1", "6"},
      {"SELECT true AND NULL", "<null>"},
      {"SELECT (1 = 1) IS TRUE", "t"},
      {"SELECT NULL IS NOT TRUE", "t"},
      {"SELECT NOT true", "f"},
      {"SELECT true::text", "true"},
      {"SELECT E'a\\tb\\x41'", "a\tbA"},
      {"SELECT $$it's$$", "it's"},
      {"SELECT CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END", "b"},
      {"SELECT COALESCE(NULL, 3)", "3"},
      {"SELECT NULLIF(1, 1)", "<null>"},
      {"SELECT greatest(1, NULL, 3)", "3"},
      {"SELECT 'abc' LIKE 'a%'", "t"},
      {"SELECT 'ABC' ILIKE '_b%'", "t"},
      {"SELECT 'ABC' LIKE 'a%'", "f"},
      {"SELECT 'abc' ~ '^a.c$'", "t"},
      {"SELECT 'abc' !~* 'B'", "f"},
      {"SELECT 2 BETWEEN 1 AND 3", "t"},
      {"SELECT 2 NOT IN (1, 3)", "t"},
      {"SELECT 1 IS DISTINCT FROM NULL", "t"},
      {"SELECT 'b' = ANY('{a,b}')", "t"},
      {"SELECT 'b' = ANY(ARRAY['a'])", "f"},
      {"SELECT ARRAY['x y', 'z']", "{\"x y\",z}"},
      {"SELECT (ARRAY[10,20])[2]", "20"},
      {"SELECT '1/0'::pg_lsn - '0/FFFFFF00'::pg_lsn", "256"},
      {"SELECT '0/10'::pg_lsn < 'F0000000/0'::pg_lsn", "t"},
      {"SELECT pg_lsn('0/10') + 16", "0/20"},
      {"SELECT interval '1 day 2 hours'", "1 day 02:00:00"},
      {"SELECT interval '90 seconds' * 2", "00:03:00"},
      {"SELECT extract(epoch FROM interval '1 minute')", "60"},
      {"SELECT '2026-01-31 12:00:00+02'::timestamptz", "2026-01-31 10:00:00+00"},
      {"SELECT '2026-03-01'::date - '2026-02-01'::date", "28"},
      {"SELECT now() - now() < interval '5 minutes'", "t"},
      {"SELECT now() > '2020-01-01'", "t"},
      {"SELECT upper(substring('walcast' FROM 1 FOR 3))", "WAL"},
      {"SELECT pg_size_pretty(16777216::bigint)", "16 MB"},
      {"SELECT count(*) FROM generate_series(1, 1000)", "1000"},
      {"SELECT sum(g) FROM generate_series(1, 10) AS g", "55"},
      {"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) "
       "SELECT max(n) FROM t",
       "5"},
      {"SELECT string_agg(x, ',') FROM (VALUES ('a'), ('b')) AS v(x)", "a,b"},
      {"SELECT array_agg(x) FROM (VALUES ('a'), (NULL)) AS v(x)", "{a,NULL}"},
      {"SELECT bool_and(x) FROM (VALUES (true), (false)) v(x)", "f"},
      {"SELECT count(*) FILTER (WHERE x > 1) FROM (VALUES (1), (2)) v(x)", "1"},
      {"SELECT 1 UNION SELECT 1", "1"},
      {"SELECT x FROM (VALUES (3), (1), (2)) v(x) ORDER BY x DESC LIMIT 1 OFFSET 1", "2"},
      {"SELECT EXISTS (SELECT 1 FROM pg_replication_slots WHERE active)", "t"},
      {"SELECT (SELECT slot_name FROM pg_replication_slots ORDER BY 1 LIMIT 1)", "s1"},
      {"SELECT row_to_json(r) FROM (SELECT 1 AS a, 'x' AS b, true AS c) r",
       "{\"a\":1,\"b\":\"x\",\"c\":true}"},
      {"SELECT current_setting('max_wal_senders')::int", "100"},
      {"SELECT pg_catalog.pg_is_in_recovery()", "t"},
      {"SELECT * FROM pg_is_in_recovery()", "t"},
      {"SELECT current_user", "ann"},
      {"SELECT inet_client_addr()", "10.0.0.1"},
      {"SELECT pg_backend_pid()", "200"},
      {"SELECT pg_walfile_name('0/5000100')", "000000010000000000000005"},
      {"SELECT pg_last_wal_replay_lsn()", "0/5000100"},
      {"SELECT -9223372036854775808", "-9223372036854775808"},
  };
  for (const auto& [sql, expected] : kCases) EXPECT_EQ(value(sql), expected) << sql;
}

TEST_F(ConsoleEngineTest, ErrorsHavePostgresTextCodeAndPosition) {
  struct Case {
    std::string_view sql;
    std::string_view code;
    std::string_view what;
    int position;
  };
  const Case kCases[]{
      {"SELECT * FROM nowhere", "42P01", "relation \"nowhere\" does not exist", 15},
      {"SELECT nothing FROM pg_stat_replication", "42703", "column \"nothing\" does not exist", 8},
      {"SELECT x.pid FROM pg_stat_replication", "42P01",
       "missing FROM-clause entry for table \"x\"", 8},
      {"SELECT nofunc(1)", "42883", "function nofunc(integer) does not exist", 8},
      {"SELECT 1 + 'a'::text", "42883", "operator does not exist: integer + text", 10},
      {"SELEC 1", "42601", "syntax error at or near \"SELEC\"", 1},
      {"SELECT 1 +", "42601", "syntax error at end of input", 11},
      {"SELECT 'a", "42601", "unterminated quoted string at or near \"'a\"", 8},
      {"SELECT 'x'::int", "22P02", "invalid input syntax for type integer: \"x\"", 8},
      {"SELECT 'x'::nope", "42704", "type \"nope\" does not exist", 13},
      {"SELECT pid FROM pg_stat_replication, pg_stat_activity", "42702",
       "column reference \"pid\" is ambiguous", 8},
      {"SELECT pid, count(*) FROM pg_stat_replication", "42803",
       "column \"pg_stat_replication.pid\" must appear in the GROUP BY clause or be used in an "
       "aggregate function",
       8},
      {"SELECT 1 WHERE count(*) > 0", "42803", "aggregate functions are not allowed in WHERE", 16},
      {"SELECT 1 ORDER BY 2", "42P10", "ORDER BY position 2 is not in select list", 19},
      {"SELECT 1/0", "22012", "division by zero", 0},
      {"SELECT 2147483647 + 1", "22003", "integer out of range", 0},
      {"SELECT pg_current_wal_lsn()", "55000", "recovery is in progress", 0},
      {"INSERT INTO t VALUES (1)", "25006", "cannot execute INSERT in a read-only transaction", 0},
      {"CREATE TABLE t (a int)", "25006", "cannot execute CREATE TABLE in a read-only transaction",
       0},
      {"SHOW nothing", "42704", "unrecognized configuration parameter \"nothing\"", 0},
      {"SELECT 1 LIMIT -1", "2201W", "LIMIT must not be negative", 0},
  };
  for (const Case& one : kCases) {
    const Answer answer = run(one.sql);
    EXPECT_EQ(answer.code(), one.code) << one.sql << ": " << answer.what();
    EXPECT_EQ(answer.what(), one.what) << one.sql;
    if (answer.error) {
      EXPECT_EQ(answer.error->position, one.position) << one.sql;
    }
  }
}

TEST_F(ConsoleEngineTest, ParametersGetTheTypeOfTheirPlace) {
  auto prepared = engine().prepare(
      session_, "SELECT slot_name FROM pg_replication_slots WHERE slot_name = $1 AND active = $2",
      {});
  ASSERT_TRUE(prepared.has_value()) << prepared.error().what;
  const auto types = (*prepared)->parameter_types();
  EXPECT_EQ(std::vector<std::uint32_t>(types.begin(), types.end()),
            (std::vector<std::uint32_t>{19, 16}));
  const Answer answer =
      run("SELECT slot_name FROM pg_replication_slots WHERE slot_name = $1 AND active = $2",
          {{Format::kText, "s1"}, {Format::kBinary, std::string_view("\1", 1)}});
  EXPECT_EQ(answer.value(), "s1");
}

TEST_F(ConsoleEngineTest, BinaryResultsHavePostgresBytes) {
  EXPECT_EQ(run("SELECT 258", {}, Format::kBinary).value(), std::string("\0\0\1\2", 4));
  EXPECT_EQ(run("SELECT true", {}, Format::kBinary).value(), std::string("\1", 1));
  EXPECT_EQ(run("SELECT '1/2'::pg_lsn", {}, Format::kBinary).value(),
            std::string("\0\0\0\1\0\0\0\2", 8));
  EXPECT_EQ(run("SELECT '127.0.0.1'::inet", {}, Format::kBinary).value(),
            std::string("\2\x20\0\4\x7f\0\0\1", 8));
  EXPECT_EQ(run("SELECT 12345.5::numeric", {}, Format::kBinary).value(),
            std::string("\0\3\0\1\0\0\0\1\0\1\x09\x29\x13\x88", 14));
}

TEST_F(ConsoleEngineTest, APortalIsReadInParts) {
  auto prepared = engine().prepare(session_, "SELECT g FROM generate_series(1, 5) g", {});
  ASSERT_TRUE(prepared.has_value());
  auto portal = engine().bind(session_, *prepared, {}, {});
  ASSERT_TRUE(portal.has_value());
  int rows = 0;
  const auto count = [&rows](auto) { ++rows; };
  EXPECT_TRUE((*portal)->fetch(2, 0, count)->suspended);
  EXPECT_TRUE((*portal)->fetch(2, 0, count)->suspended);
  const auto last = (*portal)->fetch(2, 0, count);
  EXPECT_FALSE(last->suspended);
  EXPECT_EQ(rows, 5);
}

TEST_F(ConsoleEngineTest, AStatementWithoutEndMeetsItsLimit) {
  options_.time_max = std::chrono::milliseconds(50);
  for (const std::string_view sql :
       {"SELECT count(*) FROM generate_series(1, 1000000000000)",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT 1 FROM t) SELECT count(*) FROM t",
        "SELECT count(*) FROM pg_settings a, pg_settings b, pg_settings c, pg_settings d, "
        "pg_settings e, pg_settings f, pg_settings g, pg_settings h"}) {
    const Answer answer = run(sql);
    EXPECT_EQ(answer.code(), "57014") << sql << answer.what();
    EXPECT_EQ(answer.what(), "canceling statement due to statement timeout");
  }
}

TEST_F(ConsoleEngineTest, AStatementIsCancelled) {
  session_.cancel_requested.store(true);
  const Answer answer = run("SELECT count(*) FROM generate_series(1, 1000000000000)");
  EXPECT_EQ(answer.what(), "canceling statement due to user request");
}

TEST_F(ConsoleEngineTest, AStatementThatNestsTooDeepIsRefused) {
  EXPECT_EQ(run("SELECT " + std::string(5000, '(') + "1" + std::string(5000, ')')).code(), "54001");
  std::string sum = "SELECT 1";
  for (int i = 0; i < 5000; ++i) sum += "+1";
  EXPECT_EQ(run(sum).code(), "54001");
}

TEST_F(ConsoleEngineTest, ATransactionBlockThatFailedTakesOnlyItsEnd) {
  EXPECT_EQ(run("BEGIN").tag, "BEGIN");
  EXPECT_EQ(session_.transaction, TransactionStatus::kInBlock);
  EXPECT_EQ(run("SELECT 1/0").code(), "22012");
  EXPECT_EQ(session_.transaction, TransactionStatus::kFailed);
  EXPECT_EQ(run("SELECT 1").code(), "25P02");
  EXPECT_EQ(run("COMMIT").tag, "ROLLBACK");
  EXPECT_EQ(session_.transaction, TransactionStatus::kIdle);
}

TEST_F(ConsoleEngineTest, SettingsAreShownAndSet) {
  EXPECT_EQ(value("SHOW max_wal_senders"), "100");
  EXPECT_EQ(run("SET application_name TO 'me'").tag, "SET");
  EXPECT_EQ(value("SHOW application_name"), "me");
  ASSERT_EQ(session_.reports.size(), 1u);
  EXPECT_EQ(session_.reports[0].second, "me");
  EXPECT_EQ(run("SET work_mem = 'x'").code(), "22023");
  EXPECT_EQ(run("DISCARD ALL").tag, "DISCARD ALL");
  EXPECT_GT(run("SHOW ALL").rows.size(), 10u);
}

TEST_F(ConsoleEngineTest, PgbouncersShowNamesWhatThereIs) {
  const Answer standbys = run("SHOW STANDBYS");
  EXPECT_EQ(standbys.rows.size(), 1u);
  EXPECT_EQ(standbys.tag, "SHOW");
  for (const std::string_view sql : {"SHOW SLOTS", "SHOW UPSTREAM", "SHOW SPOOL", "SHOW LATENCY",
                                     "SHOW HELP", "SHOW HOLDS", "SHOW THREADS", "SHOW LIMITS"}) {
    EXPECT_FALSE(run(sql).error.has_value()) << sql << run(sql).what();
  }
}

TEST_F(ConsoleEngineTest, VerbsAreForAdmins) {
  session_.grants.has_proven = true;
  EXPECT_EQ(run("SELECT pg_reload_conf()").what(), "permission denied for function pg_reload_conf");
  EXPECT_EQ(run("RELOAD").code(), "42501");
  session_.grants.is_admin = true;
  EXPECT_EQ(value("SELECT pg_reload_conf()"), "t");
  EXPECT_EQ(run("RELOAD").tag, "RELOAD");
  EXPECT_EQ(value("SELECT pg_terminate_backend(100)"), "t");
  EXPECT_EQ(value("SELECT pg_terminate_backend(101)"), "f");
  ASSERT_EQ(session_.notices.size(), 1u);
  EXPECT_EQ(session_.notices[0].text.what, "PID 101 is not a PostgreSQL server process");
  EXPECT_EQ(value("SELECT pg_create_physical_replication_slot('a', true)"), "(a,0/3000000)");
  const Answer made = run("SELECT * FROM pg_create_physical_replication_slot('b')");
  ASSERT_EQ(made.rows.size(), 1u) << made.what();
  EXPECT_EQ(made.columns, (std::vector<std::string>{"slot_name", "lsn"}));
  EXPECT_EQ(made.rows[0], (std::vector<std::string>{"b", "<null>"}));
  EXPECT_EQ(value("SELECT pg_drop_replication_slot('a')"), "");
  EXPECT_EQ(value("SELECT walcast_pause('standby1')"), "1");
  EXPECT_EQ(verbs_.calls, (std::vector<std::string>{
                              "reload by ann", "reload by ann", "terminate 100", "terminate 101",
                              "create a reserve", "create b", "drop a", "pause standby1"}));
}

TEST(ConsoleSplitTest, StatementsAreCutWhereTheyEnd) {
  const auto split = split_statements("SELECT ';' ; -- no;\n SHOW \"a;b\";;");
  ASSERT_TRUE(split.has_value());
  ASSERT_EQ(split->size(), 2u);
  EXPECT_EQ((*split)[0].text, "SELECT ';'");
  EXPECT_EQ((*split)[1].text, "SHOW \"a;b\"");
  EXPECT_EQ((*split)[1].offset, 21u);
  EXPECT_TRUE(split_statements(" ; /* nothing */ ;")->empty());
}

}  // namespace tests
