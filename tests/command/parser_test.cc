#include "server/command/parser.h"

#include <gtest/gtest.h>

#include "server/wire/errors.h"

namespace server::command {
namespace {

template <typename T>
T parse_as(std::string_view text) {
  auto parsed = parse(text);
  if (!parsed || !std::holds_alternative<T>(parsed->command)) {
    ADD_FAILURE() << text << ": " << (parsed ? "another command" : parsed.error().what);
    return {};
  }
  return std::get<T>(parsed->command);
}

std::string error_of(std::string_view text) {
  const auto parsed = parse(text);
  if (parsed) return "none";
  EXPECT_EQ(parsed.error().kind, &wire::kSyntaxError);
  return parsed.error().what;
}

TEST(ParserTest, TheFirstTokenMakesAReplicationCommand) {
  for (const char* text : {"IDENTIFY_SYSTEM", " \n SHOW", "SHOW;", "TIMELINE_HISTORY",
                           "BASE_BACKUP", "START_REPLICATION 'broken", "CREATE_REPLICATION_SLOT x",
                           "DROP_REPLICATION_SLOT", "READ_REPLICATION_SLOT", "SHOW(1)"}) {
    EXPECT_TRUE(is_replication_command(text)) << text;
  }
  for (const char* text :
       {"", " ", ";", "-- SHOW", "identify_system", "SELECT 1", "\"SHOW\" x", "'SHOW'", "1", "0/0",
        "SHOWN x", "SLOT", "TIMELINE 1", "PHYSICAL", "'unterminated"}) {
    EXPECT_FALSE(is_replication_command(text)) << text;
  }
}

TEST(ParserTest, IdentifySystemStandsAlone) {
  parse_as<IdentifySystem>("IDENTIFY_SYSTEM");
  parse_as<IdentifySystem>("\tIDENTIFY_SYSTEM\n;\n");
  EXPECT_EQ(error_of("IDENTIFY_SYSTEM x"), "syntax error");
  EXPECT_EQ(error_of("IDENTIFY_SYSTEM;;"), "syntax error");
  EXPECT_EQ(error_of("IDENTIFY_SYSTEM; IDENTIFY_SYSTEM"), "syntax error");
  EXPECT_EQ(error_of("IDENTIFY_SYSTEM ("), "syntax error");
}

TEST(ParserTest, ShowTakesADottedName) {
  EXPECT_EQ(parse_as<Show>("SHOW wal_segment_size").name, "wal_segment_size");
  EXPECT_EQ(parse_as<Show>("SHOW TimeZone;").name, "timezone");
  EXPECT_EQ(parse_as<Show>("SHOW \"TimeZone\"").name, "TimeZone");
  EXPECT_EQ(parse_as<Show>("SHOW a . b.c").name, "a.b.c");
  for (const char* text :
       {"SHOW", "SHOW;", "SHOW a.", "SHOW .a", "SHOW a b", "SHOW 1", "SHOW 'a'", "SHOW SHOW"}) {
    EXPECT_EQ(error_of(text), "syntax error") << text;
  }
}

TEST(ParserTest, TimelineHistoryTakesANumber) {
  EXPECT_EQ(parse_as<TimelineHistoryOf>("TIMELINE_HISTORY 2").timeline, wal::TimelineId{2});
  EXPECT_EQ(parse_as<TimelineHistoryOf>("TIMELINE_HISTORY 4294967295;").timeline,
            wal::TimelineId{0xFFFFFFFF});
  EXPECT_EQ(error_of("TIMELINE_HISTORY 0"), "invalid timeline 0");
  EXPECT_EQ(error_of("TIMELINE_HISTORY 4294967296"), "invalid timeline 0");
  for (const char* text :
       {"TIMELINE_HISTORY", "TIMELINE_HISTORY x", "TIMELINE_HISTORY -1", "TIMELINE_HISTORY 1 2",
        "TIMELINE_HISTORY 1/2", "TIMELINE_HISTORY '1'"}) {
    EXPECT_EQ(error_of(text), "syntax error") << text;
  }
}

TEST(ParserTest, StartReplicationInItsShortestForm) {
  const auto start = parse_as<StartReplication>("START_REPLICATION 0/3000000");
  EXPECT_EQ(start.start, wal::Lsn(0x3000000));
  EXPECT_EQ(start.timeline, std::nullopt);
  EXPECT_EQ(start.slot, std::nullopt);
}

TEST(ParserTest, StartReplicationWithAllItsParts) {
  const auto start = parse_as<StartReplication>(
      "START_REPLICATION SLOT \"My Slot\" PHYSICAL 16/B374D848 TIMELINE 7;");
  EXPECT_EQ(start.start, wal::Lsn(0x16B374D848));
  EXPECT_EQ(start.timeline, wal::TimelineId{7});
  EXPECT_EQ(start.slot, "My Slot");
}

TEST(ParserTest, StartReplicationInEveryOrderThatTheGrammarHas) {
  EXPECT_EQ(parse_as<StartReplication>("START_REPLICATION PHYSICAL 0/1").start, wal::Lsn(1));
  EXPECT_EQ(parse_as<StartReplication>("START_REPLICATION SLOT s 0/1").slot, "s");
  EXPECT_EQ(parse_as<StartReplication>("START_REPLICATION 0/1 TIMELINE 2").timeline,
            wal::TimelineId{2});
  EXPECT_EQ(parse_as<StartReplication>("START_REPLICATION beef/1").start, wal::Lsn(0xBEEF00000001));
}

TEST(ParserTest, StartReplicationInNoOtherOrder) {
  for (const char* text :
       {"START_REPLICATION", "START_REPLICATION PHYSICAL", "START_REPLICATION 1",
        "START_REPLICATION 0/1 TIMELINE", "START_REPLICATION 0/1 TIMELINE x",
        "START_REPLICATION 0/1 PHYSICAL", "START_REPLICATION PHYSICAL SLOT s 0/1",
        "START_REPLICATION SLOT 0/1", "START_REPLICATION SLOT s", "START_REPLICATION s 0/1",
        "START_REPLICATION TIMELINE 1 0/1", "START_REPLICATION 0/1 SLOT s",
        "START_REPLICATION '0/1'", "START_REPLICATION 0/1 timeline 1",
        "START_REPLICATION LOGICAL 0/1"}) {
    EXPECT_EQ(error_of(text), "syntax error") << text;
  }
  EXPECT_EQ(error_of("START_REPLICATION 0/1 TIMELINE 0"), "invalid timeline 0");
}

TEST(ParserTest, LogicalReplicationIsKnownToBeRefused) {
  parse_as<StartLogicalReplication>("START_REPLICATION SLOT s LOGICAL 0/0");
  parse_as<StartLogicalReplication>(
      "START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '4', publication_names '\"p\"')");
}

TEST(ParserTest, CreatesSlotsOfTwoKinds) {
  for (const char* text :
       {"CREATE_REPLICATION_SLOT \"s\" TEMPORARY PHYSICAL (RESERVE_WAL)",
        "CREATE_REPLICATION_SLOT s PHYSICAL RESERVE_WAL;", "CREATE_REPLICATION_SLOT S PHYSICAL"}) {
    const auto create = parse_as<CreateSlot>(text);
    EXPECT_EQ(create.slot, "s") << text;
    EXPECT_FALSE(create.logical) << text;
  }
  EXPECT_TRUE(parse_as<CreateSlot>("CREATE_REPLICATION_SLOT s LOGICAL pgoutput").logical);
  EXPECT_TRUE(
      parse_as<CreateSlot>("CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL p (SNAPSHOT 'export')")
          .logical);
  for (const char* text :
       {"CREATE_REPLICATION_SLOT", "CREATE_REPLICATION_SLOT s", "CREATE_REPLICATION_SLOT PHYSICAL",
        "CREATE_REPLICATION_SLOT s TEMPORARY", "CREATE_REPLICATION_SLOT s PHYSICAL TEMPORARY x 'y",
        "CREATE_REPLICATION_SLOT 's' PHYSICAL", "CREATE_REPLICATION_SLOT s LOGICAL"}) {
    EXPECT_FALSE(parse(text)) << text;
  }
}

TEST(ParserTest, DropsAndReadsSlotsByName) {
  EXPECT_EQ(parse_as<DropSlot>("DROP_REPLICATION_SLOT s").slot, "s");
  EXPECT_EQ(parse_as<DropSlot>("DROP_REPLICATION_SLOT \"S\" WAIT;").slot, "S");
  EXPECT_EQ(parse_as<ReadSlot>("READ_REPLICATION_SLOT s;").slot, "s");
  for (const char* text :
       {"DROP_REPLICATION_SLOT", "DROP_REPLICATION_SLOT s t", "DROP_REPLICATION_SLOT WAIT",
        "READ_REPLICATION_SLOT", "READ_REPLICATION_SLOT s WAIT", "READ_REPLICATION_SLOT 1"}) {
    EXPECT_EQ(error_of(text), "syntax error") << text;
  }
}

TEST(ParserTest, BaseBackupIsKnownWithItsOptions) {
  parse_as<BaseBackup>("BASE_BACKUP");
  parse_as<BaseBackup>(
      "BASE_BACKUP ( LABEL 'pg_basebackup base backup',  PROGRESS,  CHECKPOINT 'fast',  WAIT 0)");
  parse_as<BaseBackup>("BASE_BACKUP LABEL 'x' PROGRESS  FAST NOWAIT    MANIFEST 'yes' ");
}

TEST(ParserTest, AnUnterminatedQuoteIsToldAnywhere) {
  for (const char* text :
       {"SHOW \"x", "IDENTIFY_SYSTEM 'x", "START_REPLICATION SLOT \"s 0/0", "BASE_BACKUP LABEL 'x",
        "DROP_REPLICATION_SLOT \"s", "START_REPLICATION SLOT s LOGICAL 0/0 ('"}) {
    EXPECT_EQ(error_of(text), "unterminated quoted string") << text;
  }
}

TEST(ParserTest, NoticesWhatItCuts) {
  const std::string longest(63, 'a');
  const auto parsed = parse("START_REPLICATION SLOT " + longest + "XY 0/1").value();
  EXPECT_EQ(std::get<StartReplication>(parsed.command).slot, longest);
  ASSERT_EQ(parsed.notices.size(), 1u);
  EXPECT_EQ(parsed.notices[0].kind, &wire::kNameTooLong);
  EXPECT_EQ(parsed.notices[0].what,
            "identifier \"" + longest + "xy\" will be truncated to \"" + longest + "\"");
  EXPECT_TRUE(parse("START_REPLICATION SLOT " + longest + " 0/1").value().notices.empty());
}

TEST(ParserTest, ANulIsNoEnd) {
  EXPECT_EQ(error_of(std::string_view("IDENTIFY_SYSTEM\0", 16)), "syntax error");
}

}  // namespace
}  // namespace server::command
