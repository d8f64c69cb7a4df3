#include "server/stats/standby_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace server::stats {
namespace {

using std::chrono::milliseconds;

runtime::Instant at(int seconds) { return runtime::Instant(std::chrono::seconds(seconds)); }

SessionStatus row(std::uint32_t process_id, const std::string& name, std::uint64_t bytes_sent = 0) {
  return {.process_id = process_id,
          .user = "u",
          .application_name = name,
          .client = "127.0.0.1:40000",
          .backend_start = 0,
          .state = "streaming",
          .timeline = wal::TimelineId{1},
          .sent = wal::Lsn(0x3029D08),
          .write = wal::Lsn(0x3020000),
          .flush = wal::Lsn(0x3010000),
          .apply = wal::Lsn(),
          .lag_bytes = 105736,
          .lag = milliseconds(12),
          .bytes_sent = bytes_sent};
}

constexpr wal::Lsn kEnd(0x302A000);

TEST(HumanTest, BytesHaveThreeDigitsAndAUnit) {
  const std::pair<double, const char*> cases[] = {
      {0, "0 B"},        {999, "999 B"},     {1000, "1.0 kB"},
      {1536, "1.5 kB"},  {102400, "100 kB"}, {1572864, "1.5 MB"},
      {5.0e9, "4.7 GB"}, {2.2e12, "2.0 TB"}, {9.9e18, "9003998 TB"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(human_bytes(bytes), text);
}

TEST(HumanTest, DurationsAreMillisecondsUntilTheyAreLong) {
  const std::pair<runtime::Duration, const char*> cases[] = {
      {runtime::Duration(0), "0.0 ms"}, {std::chrono::microseconds(1250), "1.2 ms"},
      {milliseconds(12), "12 ms"},      {milliseconds(9999), "9999 ms"},
      {milliseconds(10000), "10.0 s"},  {std::chrono::minutes(2), "120.0 s"}};
  for (const auto& [duration, text] : cases) EXPECT_EQ(human_duration(duration), text);
}

TEST(StandbyTableTest, IsPlainLinesWithoutATerminal) {
  StandbyTable table({});
  SessionStatus idle = row(2, "");
  idle.state = "startup";
  idle.sent = idle.write = idle.flush = wal::Lsn();
  idle.lag_bytes = 0;
  idle.lag = {};
  EXPECT_EQ(
      table.render({row(3, "standby1"), idle}, kEnd, at(10)),
      "standby              state      sent         acknowledged lag bytes      lag time rate\n"
      "127.0.0.1:40000      startup    0/0          0/0          0 B            0.0 ms   0 B/s\n"
      "standby1             streaming  0/3029D08    0/3010000    103 kB         12 ms    0 B/s\n"
      "2 standbys, end of WAL 0/302A000, 0 B/s in all\n");
}

TEST(StandbyTableTest, SaysThatThereIsNobody) {
  StandbyTable table({});
  EXPECT_THAT(table.render({}, kEnd, at(10)),
              testing::EndsWith("rate\n0 standbys, end of WAL 0/302A000, 0 B/s in all\n"));
}

TEST(StandbyTableTest, AStandbyThatDoesNotFlushHasAcknowledgedWhatItWrote) {
  StandbyTable table({});
  SessionStatus writer = row(1, "w");
  writer.flush = wal::Lsn();
  EXPECT_THAT(table.render({writer}, kEnd, at(10)), testing::HasSubstr(" 0/3020000 "));
}

TEST(StandbyTableTest, RatesAreSinceTheLastLook) {
  StandbyTable table({});
  table.render({row(1, "a", 5 << 20), row(2, "b", 0)}, kEnd, at(10));
  const std::string text =
      table.render({row(2, "b", 2 << 20), row(1, "a", 25 << 20)}, kEnd, at(12));
  EXPECT_THAT(text, testing::ContainsRegex("\na .* 10\\.0 MB/s\nb .* 1\\.0 MB/s\n"));
  EXPECT_THAT(text, testing::HasSubstr("2 standbys, end of WAL 0/302A000, 11.0 MB/s in all\n"));
}

TEST(StandbyTableTest, ANewStandbyHasSentAllItsBytesSinceTheLastLook) {
  StandbyTable table({});
  table.render({row(1, "a", 5 << 20)}, kEnd, at(10));
  EXPECT_THAT(table.render({row(2, "b", 4 << 20)}, kEnd, at(12)),
              testing::ContainsRegex("\nb .* 2\\.0 MB/s\n"));
}

TEST(StandbyTableTest, TwoLooksAtOneTimeHaveNoRate) {
  StandbyTable table({});
  table.render({row(1, "a", 0)}, kEnd, at(10));
  EXPECT_THAT(table.render({row(1, "a", 1 << 20)}, kEnd, at(10)), testing::HasSubstr(" 0 B/s\n"));
}

TEST(StandbyTableTest, SumsUpWhatDoesNotFit) {
  StandbyTable table({.terminal = false, .rows_max = 2});
  std::vector<SessionStatus> rows;
  for (std::uint32_t i = 1; i <= 5; ++i) rows.push_back(row(i, "s" + std::to_string(i)));
  table.render(rows, kEnd, at(10));
  for (SessionStatus& status : rows) status.bytes_sent += 1 << 20;
  const std::string text = table.render(rows, kEnd, at(11));
  EXPECT_THAT(text, testing::HasSubstr("\ns2 "));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\ns3 ")));
  EXPECT_THAT(text, testing::EndsWith("... and 3 more\n5 standbys, end of WAL 0/302A000, 5.0 MB/s "
                                      "in all\n"));
}

TEST(StandbyTableTest, StandbysOfOneNameKeepTheirOrder) {
  StandbyTable table({});
  SessionStatus first = row(7, "same");
  SessionStatus second = row(9, "same");
  first.state = "catchup";
  EXPECT_THAT(table.render({second, first}, kEnd, at(10)),
              testing::ContainsRegex("\nsame +catchup.*\nsame +streaming"));
}

TEST(StandbyTableTest, CutsALongName) {
  StandbyTable table({});
  EXPECT_THAT(table.render({row(1, "a_name_of_more_than_twenty")}, kEnd, at(10)),
              testing::HasSubstr("\na_name_of_more_than_ streaming "));
}

// Up by as many lines as were drawn, then over them; what is left below is erased.
TEST(StandbyTableTest, DrawsOverTheLastOneOnATerminal) {
  StandbyTable table({.terminal = true});
  const std::string first = table.render({row(1, "a"), row(2, "b")}, kEnd, at(10));
  EXPECT_THAT(first, testing::StartsWith("standby "));
  EXPECT_THAT(first, testing::EndsWith(" in all\x1b[K\n\x1b[J"));
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 4);
  const std::string second = table.render({row(1, "a")}, kEnd, at(11));
  EXPECT_THAT(second, testing::StartsWith("\x1b[4Astandby "));
  EXPECT_THAT(table.render({}, kEnd, at(12)), testing::StartsWith("\x1b[3Astandby "));
}

}  // namespace
}  // namespace server::stats
