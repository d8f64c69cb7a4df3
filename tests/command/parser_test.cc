#include "server/command/parser.h"

#include <gtest/gtest.h>

#include "server/wire/errors.h"

namespace server::command {
namespace {

template <typename T>
T parse_as(std::string_view text) {
  settings::Notices notices;
  auto command = parse(text, notices);
  if (!command || !std::holds_alternative<T>(*command)) {
    ADD_FAILURE() << text << ": " << (command ? "another command" : command.error().what);
    return {};
  }
  EXPECT_TRUE(notices.empty()) << text;
  return std::get<T>(*std::move(command));
}

runtime::Error refusal_of(std::string_view text, settings::Notices& notices) {
  const auto command = parse(text, notices);
  if (command) ADD_FAILURE() << text;
  return command ? runtime::Error{} : command.error();
}

std::string error_of(std::string_view text) {
  settings::Notices notices;
  const runtime::Error error = refusal_of(text, notices);
  EXPECT_EQ(error.kind, &wire::kSyntaxError);
  return error.what;
}

TEST(ParserTest, TheFirstTokenMakesAReplicationCommand) {
  settings::Notices notices;
  for (const char* text :
       {"TIMELINE_HISTORY", "SHOW(1)", "START_REPLICATION", "CREATE_REPLICATION_SLOT x",
        "DROP_REPLICATION_SLOT", "READ_REPLICATION_SLOT", "BASE_BACKUP x", "IDENTIFY_SYSTEM x"}) {
    EXPECT_EQ(error_of(text), "syntax error") << text;
  }
  for (const char* text :
       {"", " ", ";", "-- SHOW", "identify_system", "SELECT 1", "\"SHOW\" x", "'SHOW'", "1", "0/0",
        "SHOWN x", "SLOT", "TIMELINE 1", "PHYSICAL", "\vIDENTIFY_SYSTEM", "x 'y", "SELECT \"y"}) {
    const runtime::Error error = refusal_of(text, notices);
    EXPECT_EQ(error.kind, &wire::kFeatureNotSupported) << text;
    EXPECT_EQ(error.what, "cannot execute SQL commands in WAL sender for physical replication");
  }
  EXPECT_TRUE(notices.empty());
}

// Also of SQL, whose first token is looked at as that of any command is.
TEST(ParserTest, TheFirstTokenMustBeOne) {
  for (const char* text : {"'unterminated", "\"unterminated", " \n'"}) {
    EXPECT_EQ(error_of(text), "unterminated quoted string") << text;
  }
  settings::Notices notices;
  const std::string longest(63, 'x');
  EXPECT_EQ(refusal_of(longest + "Y " + longest + "z", notices).kind, &wire::kFeatureNotSupported);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].what,
            "identifier \"" + longest + "y\" will be truncated to \"" + longest + "\"");
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
  for (const char* options : {"", "(a)", "(a 'b')", "(a 'b', c);", "(\"a\" '')",
                              "(proto_version '4', publication_names '\"p\"')"}) {
    parse_as<StartLogicalReplication>(std::string("START_REPLICATION SLOT s LOGICAL 0/0 ") +
                                      options);
  }
  for (const char* rest :
       {"", "0", "0/0 ()", "0/0 (a b)", "0/0 (a 1)", "0/0 (a 'b',)", "0/0 TIMELINE 1", "0/0 (a) x",
        "0/0 (SLOT)", "0/0 (,a)", "0/0 (a,,b)", "0/0 a", "0/0 ('a')", "(a) 0/0", "0/0 (a"}) {
    EXPECT_EQ(error_of(std::string("START_REPLICATION SLOT s LOGICAL ") + rest), "syntax error")
        << rest;
  }
}

// "s temporary logical: name=value name=#number name"
std::string created(std::string_view text) {
  const auto create = parse_as<CreateSlot>(text);
  std::string line = create.slot;
  if (create.temporary) line += " temporary";
  line += create.logical ? " logical:" : " physical:";
  for (const Option& option : create.options) {
    line += " " + option.name;
    if (option.value.has_value()) line += (option.is_number ? "=#" : "=") + *option.value;
  }
  return line;
}

TEST(ParserTest, CreatesSlotsOfTwoKinds) {
  EXPECT_EQ(created("CREATE_REPLICATION_SLOT S PHYSICAL"), "s physical:");
  EXPECT_EQ(created("CREATE_REPLICATION_SLOT \"S\" TEMPORARY PHYSICAL;"), "S temporary physical:");
  EXPECT_EQ(created("CREATE_REPLICATION_SLOT s LOGICAL pgoutput"), "s logical:");
  EXPECT_EQ(created("CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL p"), "s temporary logical:");
  for (const char* text :
       {"CREATE_REPLICATION_SLOT", "CREATE_REPLICATION_SLOT s", "CREATE_REPLICATION_SLOT PHYSICAL",
        "CREATE_REPLICATION_SLOT s TEMPORARY", "CREATE_REPLICATION_SLOT s PHYSICAL TEMPORARY",
        "CREATE_REPLICATION_SLOT 's' PHYSICAL", "CREATE_REPLICATION_SLOT s LOGICAL",
        "CREATE_REPLICATION_SLOT s LOGICAL 'p'", "CREATE_REPLICATION_SLOT s.t PHYSICAL",
        "CREATE_REPLICATION_SLOT s LOGICAL PHYSICAL"}) {
    EXPECT_EQ(error_of(text), "syntax error") << text;
  }
}

TEST(ParserTest, SlotsHaveOptionsInTwoSyntaxes) {
  const std::string create = "CREATE_REPLICATION_SLOT s PHYSICAL ";
  EXPECT_EQ(created(create + "RESERVE_WAL;"), "s physical: reserve_wal");
  EXPECT_EQ(created(create + "EXPORT_SNAPSHOT NOEXPORT_SNAPSHOT USE_SNAPSHOT TWO_PHASE"),
            "s physical: snapshot=export snapshot=nothing snapshot=use two_phase");
  EXPECT_EQ(created(create + "(RESERVE_WAL)"), "s physical: reserve_wal");
  EXPECT_EQ(created(create + "(a 'B',\"C\" D,e \"F\", g 01, h 4294967297);"),
            "s physical: a=B C=d e=F g=#1 h=#1");
  EXPECT_EQ(created("CREATE_REPLICATION_SLOT s LOGICAL p (SNAPSHOT 'export', x '')"),
            "s logical: snapshot=export x=");
  for (const char* options : {"()",
                              "(",
                              "(a",
                              "(,)",
                              "(a,)",
                              "(,a)",
                              "(a,,b)",
                              "(a b c)",
                              "(a 'x' 'y')",
                              "(a 0/1)",
                              "(a -1)",
                              "('a')",
                              "(1)",
                              "(a.b)",
                              "(a SHOW)",
                              "(a) b",
                              "(a) RESERVE_WAL",
                              "RESERVE_WAL (a)",
                              "RESERVE_WAL, RESERVE_WAL",
                              "RESERVE_WAL true",
                              "RESERVE_WAL x",
                              "(a;)",
                              "reserve_wal"}) {
    EXPECT_EQ(error_of(create + options), "syntax error") << options;
  }
}

TEST(ParserTest, AnOptionMayBeCalledLikeAKeywordButNotLikeTheNewestCommand) {
  EXPECT_EQ(created("CREATE_REPLICATION_SLOT s PHYSICAL (BASE_BACKUP, IDENTIFY_SYSTEM, SHOW 1, "
                    "START_REPLICATION, CREATE_REPLICATION_SLOT, DROP_REPLICATION_SLOT, "
                    "TIMELINE_HISTORY, WAIT, TIMELINE, PHYSICAL, LOGICAL, SLOT, RESERVE_WAL, "
                    "TEMPORARY, TWO_PHASE, EXPORT_SNAPSHOT, NOEXPORT_SNAPSHOT, USE_SNAPSHOT x)"),
            "s physical: base_backup identify_system show=#1 start_replication "
            "create_replication_slot drop_replication_slot timeline_history wait timeline physical "
            "logical slot reserve_wal temporary two_phase export_snapshot noexport_snapshot "
            "use_snapshot=x");
  EXPECT_EQ(error_of("CREATE_REPLICATION_SLOT s PHYSICAL (READ_REPLICATION_SLOT)"), "syntax error");
}

TEST(ParserTest, DropsAndReadsSlotsByName) {
  EXPECT_EQ(parse_as<DropSlot>("DROP_REPLICATION_SLOT s").slot, "s");
  EXPECT_EQ(parse_as<DropSlot>("DROP_REPLICATION_SLOT \"S\" WAIT;").slot, "S");
  EXPECT_FALSE(parse_as<DropSlot>("DROP_REPLICATION_SLOT s").wait);
  EXPECT_TRUE(parse_as<DropSlot>("DROP_REPLICATION_SLOT s WAIT").wait);
  EXPECT_EQ(parse_as<ReadSlot>("READ_REPLICATION_SLOT s;").slot, "s");
  EXPECT_EQ(parse_as<ReadSlot>("READ_REPLICATION_SLOT s . T.u").slot, "s.t.u");
  for (const char* text :
       {"DROP_REPLICATION_SLOT", "DROP_REPLICATION_SLOT s t", "DROP_REPLICATION_SLOT WAIT",
        "DROP_REPLICATION_SLOT s.t", "DROP_REPLICATION_SLOT s WAIT WAIT", "READ_REPLICATION_SLOT",
        "READ_REPLICATION_SLOT s WAIT", "READ_REPLICATION_SLOT s.", "READ_REPLICATION_SLOT 1"}) {
    EXPECT_EQ(error_of(text), "syntax error") << text;
  }
}

TEST(ParserTest, BaseBackupIsKnownWithItsOptions) {
  parse_as<BaseBackup>("BASE_BACKUP");
  parse_as<BaseBackup>(
      "BASE_BACKUP ( LABEL 'pg_basebackup base backup',  PROGRESS,  CHECKPOINT 'fast',  WAIT 0)");
  parse_as<BaseBackup>("BASE_BACKUP (NO_SUCH, NO_SUCH 2, a b);");
  for (const char* options :
       {"()", "(", "LABEL 'x'", "PROGRESS", "x", "(a b c)", "(a,)", "(,)", "(a 'x' 'y')", "(a) x",
        "(SLOT", "('x')", "1", "(a 0/1)", "(a -1)", "(a SHOW)", "(a);b", "(a.b)", "('a' b)"}) {
    EXPECT_EQ(error_of(std::string("BASE_BACKUP ") + options), "syntax error") << options;
  }
}

TEST(ParserTest, AnUnterminatedQuoteIsToldAnywhere) {
  for (const char* text :
       {"SHOW \"x", "IDENTIFY_SYSTEM 'x", "START_REPLICATION SLOT \"s 0/0", "BASE_BACKUP (LABEL 'x",
        "DROP_REPLICATION_SLOT \"s", "START_REPLICATION SLOT s LOGICAL 0/0 ('"}) {
    EXPECT_EQ(error_of(text), "unterminated quoted string") << text;
  }
}

TEST(ParserTest, NoticesWhatItCuts) {
  const std::string longest(63, 'a');
  settings::Notices notices;
  const auto command = parse("START_REPLICATION SLOT " + longest + "XY 0/1", notices).value();
  EXPECT_EQ(std::get<StartReplication>(command).slot, longest);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].kind, &wire::kNameTooLong);
  EXPECT_EQ(notices[0].what,
            "identifier \"" + longest + "xy\" will be truncated to \"" + longest + "\"");
}

// The notice of what is cut comes before the error about where it is.
TEST(ParserTest, NoticesWhatItCutsInAWrongCommandToo) {
  const std::string longer(64, 'a');
  settings::Notices notices;
  EXPECT_EQ(refusal_of("SHOW " + longer + " " + longer + " " + longer, notices).what,
            "syntax error");
  EXPECT_EQ(notices.size(), 2u);
  notices.clear();
  EXPECT_EQ(refusal_of("TIMELINE_HISTORY 0 " + longer, notices).what, "invalid timeline 0");
  EXPECT_TRUE(notices.empty());
}

TEST(ParserTest, ANulIsNoEnd) {
  EXPECT_EQ(error_of(std::string_view("IDENTIFY_SYSTEM\0", 16)), "syntax error");
}

}  // namespace
}  // namespace server::command
