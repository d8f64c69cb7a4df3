#include "server/command/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/wal/names.h"
#include "tests/command/wal_view_fixture.h"
#include "tests/support/backend_messages.h"

namespace server::command {
namespace {

using testing::ElementsAre;
using Lines = std::vector<std::string>;

// Runs commands against a server of one version, and tells what it writes; an error is the last
// line.
class Server {
 public:
  explicit Server(int major) : wal_(major) { add_source_settings(wal_.identity(), settings_); }

  Lines run(std::string_view text) {
    wire::MessageWriter out(std::pmr::get_default_resource());
    settings::Notices notices;
    const Command command = parse(text, notices).value();
    const auto done = execute(command, wal_.view(), settings_, own_, out);
    Lines lines = tests::describe(out.bytes());
    if (!done) {
      const runtime::Error& error = done.error();
      lines.push_back("! " + std::string(error.kind->code) + " " + error.what +
                      (error.hint.empty() ? "" : " / " + error.hint));
    }
    return lines;
  }

  // As a client's start-up packet does.
  void set(std::string_view name, std::string_view value) {
    settings::Notices notices;
    EXPECT_TRUE(own_.set(settings_, name, value, notices).has_value());
  }

 private:
  settings::SessionSettings own_;
  tests::WalViewFixture wal_;
  settings::Settings settings_;
};

TEST(IdentifySystemTest, HasTheTimelineInTheTypeOfItsVersion) {
  for (int major = 13; major <= 18; ++major) {
    const std::string type = major >= 16 ? "int8" : "int4";
    EXPECT_THAT(Server(major).run("IDENTIFY_SYSTEM"),
                ElementsAre("T systemid text, timeline " + type + ", xlogpos text, dbname text",
                            "D 7711103985084528860 | 5 | 0/B031A20 | NULL", "C IDENTIFY_SYSTEM"))
        << major;
  }
}

TEST(TimelineHistoryTest, HasTheTypesOfItsVersion) {
  for (int major = 13; major <= 18; ++major) {
    const std::string modifier = major <= 15 ? " 0" : "";
    const std::string type = major == 13 ? "bytea" : "text";
    EXPECT_THAT(Server(major).run("TIMELINE_HISTORY 5"),
                ElementsAre("T filename text" + modifier + ", content " + type + modifier,
                            "D 00000005.history | " + tests::WalViewFixture::kHistory,
                            "C TIMELINE_HISTORY"))
        << major;
  }
}

// PostgreSQL has sent the columns before it looks for the file.
TEST(TimelineHistoryTest, AMissingFileIsAnErrorBehindTheColumns) {
  for (const auto& [timeline, name] : {std::pair("1", "00000001"), std::pair("255", "000000FF")}) {
    EXPECT_THAT(Server(15).run(std::string("TIMELINE_HISTORY ") + timeline),
                ElementsAre("T filename text 0, content text 0",
                            std::string("! 58P01 could not open file \"pg_wal/") + name +
                                ".history\": No such file or directory"));
  }
}

TEST(ShowTest, AllIsAllInAnyCase) {
  Server server(15);
  const Lines all = server.run("SHOW ALL");
  ASSERT_GT(all.size(), 10u);
  EXPECT_EQ(server.run("SHOW \"ALL\""), all);
  EXPECT_EQ(server.run("SHOW \"All\""), all);
}

TEST(ShowTest, NamesItsColumnAsThePostgresSettingIsSpelt) {
  Server server(15);
  EXPECT_THAT(server.run("SHOW timezone"), ElementsAre("T TimeZone text", "D UTC", "C SHOW"));
  EXPECT_THAT(server.run("SHOW \"DATESTYLE\""),
              ElementsAre("T DateStyle text", "D ISO, MDY", "C SHOW"));
  EXPECT_THAT(server.run("SHOW wal_segment_size"),
              ElementsAre("T wal_segment_size text", "D 16MB", "C SHOW"));
}

TEST(ShowTest, WritesNothingForAnUnknownSetting) {
  EXPECT_THAT(Server(15).run("SHOW No_Such.Thing"),
              ElementsAre("! 42704 unrecognized configuration parameter \"no_such.thing\""));
}

TEST(ShowTest, TellsWhatTheSessionHasSet) {
  Server server(15);
  EXPECT_THAT(server.run("SHOW application_name"),
              ElementsAre("T application_name text", "D", "C SHOW"));
  server.set("application_name", "standby1");
  server.set("client_encoding", "utf-8");
  EXPECT_THAT(server.run("SHOW application_name"),
              ElementsAre("T application_name text", "D standby1", "C SHOW"));
  EXPECT_THAT(server.run("SHOW client_encoding"),
              ElementsAre("T client_encoding text", "D UTF8", "C SHOW"));
}

TEST(ShowTest, AllOfThemByName) {
  Server server(18);
  server.set("application_name", "standby1");
  const Lines lines = server.run("SHOW ALL");
  ASSERT_GT(lines.size(), 10u);
  EXPECT_EQ(lines.front(), "T name text, setting text, description text");
  EXPECT_EQ(lines.back(), "C SHOW");
  EXPECT_THAT(lines, testing::Contains("D wal_segment_size | 16MB | Shows the size of write ahead "
                                       "log segments."));
  EXPECT_THAT(lines, testing::Contains(testing::StartsWith("D application_name | standby1 | ")));
}

// The answers about slots; a session runs the commands.
struct SlotAnswers {
  template <typename Write>
  Lines written(Write write) {
    wire::MessageWriter out(std::pmr::get_default_resource());
    write(out);
    return tests::describe(out.bytes());
  }
  Lines show(const std::optional<slot::SlotInfo>& slot) {
    return written([&](wire::MessageWriter& out) { show_slot(slot, wal.view(), out); });
  }
  tests::WalViewFixture wal{15};
};

TEST(SlotAnswersTest, ASlotThatIsNotThereIsARowOfNulls) {
  EXPECT_THAT(SlotAnswers().show(std::nullopt),
              ElementsAre("T slot_type text, restart_lsn text, restart_tli int8",
                          "D NULL | NULL | NULL", "C READ_REPLICATION_SLOT"));
}

TEST(SlotAnswersTest, ASlotHasAPositionOnceItHasReservedWal) {
  slot::SlotInfo slot;
  EXPECT_EQ(SlotAnswers().show(slot)[1], "D physical | NULL | NULL");
  slot.restart_lsn = wal::Lsn(0xB000000);
  EXPECT_EQ(SlotAnswers().show(slot)[1], "D physical | 0/B000000 | 5");
}

TEST(SlotAnswersTest, ACreatedSlotIsConsistentNowhere) {
  EXPECT_THAT(
      SlotAnswers().written([](wire::MessageWriter& out) { slot_created("s", out); }),
      ElementsAre("T slot_name text, consistent_point text, snapshot_name text, output_plugin text",
                  "D s | 0/0 | NULL | NULL", "C CREATE_REPLICATION_SLOT"));
}

TEST(NotServedTest, BaseBackupsAndLogicalStreamsAreElsewhere) {
  EXPECT_THAT(Server(15).run("BASE_BACKUP"),
              ElementsAre("! 0A000 base backups are not available from this server / walcast has "
                          "WAL and no data directory: take the base backup from the primary."));
  EXPECT_THAT(Server(15).run("START_REPLICATION SLOT s LOGICAL 0/0"),
              ElementsAre("! 55000 logical decoding requires wal_level >= logical"));
}

Lines end_of(const std::optional<stream::NextTimeline>& next) {
  wire::MessageWriter out(std::pmr::get_default_resource());
  end_of_stream(next, out);
  return tests::describe(out.bytes());
}

TEST(EndOfStreamTest, HasTwoTags) {
  EXPECT_THAT(end_of(std::nullopt), ElementsAre("C START_STREAMING", "C START_REPLICATION"));
}

TEST(EndOfStreamTest, TellsTheNextTimeline) {
  EXPECT_THAT(end_of(stream::NextTimeline{wal::TimelineId{2}, wal::Lsn(0x3029D08)}),
              ElementsAre("T next_tli int8, next_tli_startpos text", "D 2 | 0/3029D08",
                          "C START_STREAMING", "C START_REPLICATION"));
}

}  // namespace
}  // namespace server::command
