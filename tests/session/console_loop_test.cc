#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/session/console_rig.h"

// The loop of PostgresMain as a normal connection has it: the simple protocol, and the extended one
// message by message. What statements mean is the console's matter (tests/console).

namespace tests {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

struct ConsoleLoopTest : ConsoleTest {
  Client client{server};
};

TEST_F(ConsoleLoopTest, AQueryHasItsRowsAndItsTag) {
  EXPECT_THAT(client.ask("SELECT 1 AS one"), ElementsAre("T one int4", "D 1", "C SELECT 1", "Z I"));
}

TEST_F(ConsoleLoopTest, EachStatementOfAStringIsAnsweredAndOneReadyForQueryEndsThemAll) {
  EXPECT_THAT(client.ask("SELECT 1 AS a; ; SELECT 2 AS b;"),
              ElementsAre("T a int4", "D 1", "C SELECT 1", "T b int4", "D 2", "C SELECT 1", "Z I"));
}

TEST_F(ConsoleLoopTest, AnEmptyQueryIsAnsweredAsOne) {
  for (const char* text : {"", ";", "  -- nothing", ";;"}) {
    EXPECT_THAT(client.ask(text), ElementsAre("I", "Z I")) << text;
  }
}

TEST_F(ConsoleLoopTest, AnErrorEndsTheStringAndNotTheSession) {
  const auto lines = client.ask("SELECT 1 AS a; SELECT no_such; SELECT 2");
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_THAT(lines[3], StartsWith("E ERROR 42703"));
  EXPECT_EQ(lines[4], "Z I");
  EXPECT_EQ(client.ask("SELECT 3").back(), "Z I");
}

// As PostgreSQL counts it: in characters, from the begin of the string.
TEST_F(ConsoleLoopTest, ThePositionOfAnErrorIsInTheWholeString) {
  client.send(query("SELECT '\u2603'; SELECT no_such"));
  const auto messages = client.until('Z');
  const auto error = std::ranges::find(messages, 'E', &Message::type);
  ASSERT_NE(error, messages.end());
  EXPECT_EQ(field(*error, 'P'), "20");
}

TEST_F(ConsoleLoopTest, AStatementIsPreparedBoundAndExecuted) {
  EXPECT_THAT(
      client.answer(parse("s", "SELECT $1::int4 AS n") + describe_message('S', "s") +
                    bind("p", "s", {"42"}) + describe_message('P', "p") + execute("p") + sync()),
      ElementsAre("1", "t 23", "T n int4", "2", "T n int4", "D 42", "C SELECT 1", "Z I"));
}

TEST_F(ConsoleLoopTest, ValuesGoInAndOutAsBinary) {
  EXPECT_THAT(
      client.answer(parse("", "SELECT $1::int4 AS n", {23}) + bind("", "", {int32(258)}, 1, 1) +
                    describe_message('P', "") + execute("") + sync()),
      ElementsAre("1", "2", "T n int4 binary", "D " + int32(258), "C SELECT 1", "Z I"));
}

TEST_F(ConsoleLoopTest, ARowLimitSuspendsThePortalAndTheNextExecuteGoesOn) {
  const std::string values = "SELECT * FROM (VALUES (1), (2), (3)) AS v (n)";
  EXPECT_THAT(
      client.answer(parse("", values) + bind("p", "") + execute("p", 2) + execute("p", 2) + sync()),
      ElementsAre("1", "2", "D 1", "D 2", "s", "D 3", "C SELECT 1", "Z I"));
}

TEST_F(ConsoleLoopTest, APortalEndsWithItsTransaction) {
  EXPECT_THAT(client.answer(parse("", "SELECT 1") + bind("p", "") + sync()),
              ElementsAre("1", "2", "Z I"));
  EXPECT_THAT(client.answer(execute("p") + sync()),
              ElementsAre("E ERROR 34000 portal \"p\" does not exist", "Z I"));
  client.ask("BEGIN");
  EXPECT_THAT(client.answer(bind("p", "") + sync()),
              ElementsAre("E ERROR 26000 unnamed prepared statement does not exist", "Z E"))
      << "a simple query drops the unnamed statement";
  client.ask("ROLLBACK");
  client.ask("BEGIN");
  EXPECT_THAT(client.answer(parse("", "SELECT 1 AS a") + bind("p", "") + sync()),
              ElementsAre("1", "2", "Z T"));
  EXPECT_THAT(client.answer(execute("p") + sync()), ElementsAre("D 1", "C SELECT 1", "Z T"));
  client.ask("COMMIT");
  EXPECT_THAT(client.answer(execute("p") + sync()),
              ElementsAre("E ERROR 34000 portal \"p\" does not exist", "Z I"));
}

TEST_F(ConsoleLoopTest, AnErrorSkipsToSync) {
  EXPECT_THAT(client.answer(parse("s", "SELECT no_such") + bind("", "s") + execute("") +
                            query("SELECT 1") + client_message('F', "x") + sync()),
              ElementsAre(StartsWith("E ERROR 42703"), "Z I"));
  EXPECT_EQ(client.ask("SELECT 1").back(), "Z I");
}

TEST_F(ConsoleLoopTest, NamesAreTakenOnceUntilTheyAreClosed) {
  EXPECT_THAT(client.answer(parse("s", "SELECT 1") + sync()), ElementsAre("1", "Z I"));
  EXPECT_THAT(client.answer(parse("s", "SELECT 2") + sync()),
              ElementsAre("E ERROR 42P05 prepared statement \"s\" already exists", "Z I"));
  EXPECT_THAT(client.answer(bind("p", "s") + bind("p", "s") + sync()),
              ElementsAre("2", "E ERROR 42P03 cursor \"p\" already exists", "Z I"));
  EXPECT_THAT(client.answer(close_message('S', "s") + close_message('P', "none") +
                            parse("s", "SELECT 2 AS two") + bind("", "s") + execute("") + sync()),
              ElementsAre("3", "3", "1", "2", "D 2", "C SELECT 1", "Z I"));
}

TEST_F(ConsoleLoopTest, WhatIsWrongWithAMessageIsSaidInPostgresWords) {
  const auto error = [&](const std::string& message) {
    return client.answer(message + sync()).front();
  };
  EXPECT_EQ(error(bind("", "none")), "E ERROR 26000 prepared statement \"none\" does not exist");
  EXPECT_EQ(error(parse("", "SELECT $1::int4") + bind("", "")), "1");
  EXPECT_EQ(
      error(bind("", "", {"1", "2"})),
      "E ERROR 08P01 bind message supplies 2 parameters, but prepared statement \"\" requires "
      "1");
  EXPECT_EQ(error(bind("", "", {"1"}, 2)), "E ERROR 22023 unsupported format code: 2");
  EXPECT_THAT(error(bind("", "", {"x"})), StartsWith("E ERROR 22P02"));
  EXPECT_EQ(error(parse("", "SELECT 1; SELECT 2")),
            "E ERROR 42601 cannot insert multiple commands into a prepared statement");
  EXPECT_EQ(error(client_message('D', std::string("X\0", 2))),
            "E ERROR 08P01 invalid DESCRIBE message subtype 88");
  EXPECT_EQ(error(client_message('C', "")), "E ERROR 08P01 no data left in message");
  EXPECT_EQ(error(client_message('H', "x")), "E ERROR 08P01 invalid message format");
  EXPECT_THAT(client.answer(client_message('S', "x")),
              ElementsAre("E ERROR 08P01 invalid message format", "Z I"));
  EXPECT_THAT(client.answer(client_message('F', int32(12))),
              ElementsAre("E ERROR 42883 function with OID 12 does not exist", "Z I"));
  EXPECT_THAT(client.answer(client_message('Q', "no end")),
              ElementsAre("E ERROR 08P01 invalid string in message", "Z I"));
}

TEST_F(ConsoleLoopTest, AnEmptyStatementHasNoDataAndAnEmptyAnswer) {
  EXPECT_THAT(client.answer(parse("", "") + describe_message('S', "") + bind("", "") +
                            describe_message('P', "") + execute("") + sync()),
              ElementsAre("1", "t", "n", "2", "n", "I", "Z I"));
}

TEST_F(ConsoleLoopTest, AFailedBlockTakesNothingButItsEnd) {
  EXPECT_EQ(client.ask("BEGIN").back(), "Z T");
  EXPECT_EQ(client.ask("SELECT no_such").back(), "Z E");
  constexpr std::string_view kFailed =
      "E ERROR 25P02 current transaction is aborted, commands ignored until end of transaction "
      "block";
  EXPECT_THAT(client.ask("SELECT 1"), ElementsAre(kFailed, "Z E"));
  EXPECT_THAT(client.answer(parse("", "SELECT 1") + sync()), ElementsAre(kFailed, "Z E"));
  EXPECT_THAT(client.answer(client_message('F', int32(1))), ElementsAre(kFailed, "Z E"));
  EXPECT_THAT(client.answer(parse("", "ROLLBACK") + bind("", "") + execute("") + sync()),
              ElementsAre("1", "2", "C ROLLBACK", "Z I"));
}

TEST_F(ConsoleLoopTest, TextIsOfTheClientsEncoding) {
  EXPECT_THAT(
      client.ask("SELECT '\xff'"),
      ElementsAre("E ERROR 22021 invalid byte sequence for encoding \"UTF8\": 0xff", "Z I"));
  EXPECT_EQ(client.answer(parse("", "SELECT $1::text") + bind("", "", {"\xff"}) + sync())[1],
            "E ERROR 22021 invalid byte sequence for encoding \"UTF8\": 0xff");
  EXPECT_EQ(client.answer(bind("", "", {std::string("a\0b", 3)}) + sync())[0],
            "E ERROR 22021 invalid byte sequence for encoding \"UTF8\": 0x00");
  Client any(server, {{"client_encoding", "SQL_ASCII"}});
  EXPECT_THAT(any.ask("SELECT '\xff' AS x")[1], "D \xff");
}

TEST_F(ConsoleLoopTest, AChangeOfAReportedSettingIsToldBeforeTheNextReady) {
  EXPECT_THAT(client.ask("SET application_name = 'other'"),
              ElementsAre("C SET", "S application_name=other", "Z I"));
  EXPECT_EQ(server.sessions().front().application_name, "other");
}

TEST_F(ConsoleLoopTest, LeftOversOfACopyAndAFlushAreNotAnswered) {
  EXPECT_THAT(client.answer(client_message('d', "x") + client_message('c', "") +
                            client_message('H', "") + sync()),
              ElementsAre("Z I"));
}

TEST_F(ConsoleLoopTest, AnUnknownTypeIsFatalAndAnImpossibleLengthEndsTheLine) {
  client.send("y");
  EXPECT_THAT(Client::lines(client.to_end()),
              ElementsAre("E FATAL 08P01 invalid frontend message type 121"));
  Client other(server);
  other.send(client_message('Q', "").substr(0, 1) + int32(3));
  EXPECT_TRUE(other.ends());
}

TEST_F(ConsoleLoopTest, AnySplitOfAConversationHasTheSameAnswer) {
  const std::string words = parse("s", "SELECT $1::int4 AS n") + bind("", "s", {"7"}) +
                            execute("") + sync() + query("SELECT 8 AS m");
  client.send(words);
  auto expected = Client::lines(client.until('Z'));
  const auto rest = Client::lines(client.until('Z'));
  expected.insert(expected.end(), rest.begin(), rest.end());
  Client other(server);
  for (const char byte : words) ASSERT_TRUE(other.send(std::string(1, byte)));
  auto lines = Client::lines(other.until('Z'));
  const auto more = Client::lines(other.until('Z'));
  lines.insert(lines.end(), more.begin(), more.end());
  EXPECT_EQ(lines, expected);
}

TEST_F(ConsoleLoopTest, ManyQueriesAtOnceAreAnsweredInTheirOrder) {
  std::string all;
  for (int i = 0; i < 200; ++i) all += query("SELECT " + std::to_string(i) + " AS n");
  client.send(all);
  for (int i = 0; i < 200; ++i) {
    ASSERT_THAT(Client::lines(client.until('Z'))[1], "D " + std::to_string(i));
  }
}

TEST_F(ConsoleLoopTest, AStandbyIsRefusedTheExtendedProtocolAsBefore) {
  ReadyClient standby(server);
  standby.send(parse("", "SELECT 1") + sync());
  const auto answer = standby.until('Z');
  EXPECT_EQ(types_of(answer), "EZ");
  EXPECT_THAT(field(answer[0], 'M'), HasSubstr("not supported in a replication connection"));
  standby.send(query("SELECT * FROM pg_is_in_recovery();"));
  EXPECT_THAT(Client::lines(standby.until('Z')),
              ElementsAre("T pg_is_in_recovery oid16:1", "D t", "C SELECT 1", "Z I"));
}

}  // namespace
}  // namespace tests
