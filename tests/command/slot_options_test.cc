#include "server/command/slot_options.h"

#include <gtest/gtest.h>

#include <string>

namespace server::command {
namespace {

// "yes", "no", or the error as "code text".
std::string outcome(const std::string& options, const std::string& kind = "PHYSICAL") {
  settings::Notices notices;
  const auto parsed = parse("CREATE_REPLICATION_SLOT s " + kind + " " + options, notices);
  if (!parsed) return parsed.error().what;
  const auto reserves = reserves_wal(std::get<CreateSlot>(*parsed));
  if (reserves) return *reserves ? "yes" : "no";
  return std::string(reserves.error().kind->code) + " " + reserves.error().what;
}

// All of this is as PostgreSQL 15 answers.

TEST(SlotOptionsTest, ReserveWalIsABoolean) {
  for (const char* options :
       {"RESERVE_WAL", "(RESERVE_WAL)", "(reserve_wal)", "(\"reserve_wal\")", "(reserve_wal true)",
        "(reserve_wal TRUE)", "(reserve_wal 'TRUE')", "(reserve_wal \"True\")", "(reserve_wal oN)",
        "(reserve_wal 1)", "(reserve_wal 01)", "(reserve_wal 4294967297)"}) {
    EXPECT_EQ(outcome(options), "yes") << options;
  }
  for (const char* options : {"", "(reserve_wal false)", "(reserve_wal 'OFF')", "(reserve_wal 0)",
                              "(reserve_wal 4294967296)"}) {
    EXPECT_EQ(outcome(options), "no") << options;
  }
  for (const char* options :
       {"(reserve_wal maybe)", "(reserve_wal 2)", "(reserve_wal '1')", "(reserve_wal '0')",
        "(reserve_wal '')", "(reserve_wal t)", "(reserve_wal yes)", "(reserve_wal ' true')",
        "(reserve_wal 'tr''ue')", "(reserve_wal reserve_wal)",
        "(reserve_wal 99999999999999999999)"}) {
    EXPECT_EQ(outcome(options), "42601 reserve_wal requires a Boolean value") << options;
  }
}

TEST(SlotOptionsTest, EachMayBeThereOnce) {
  for (const char* options :
       {"RESERVE_WAL RESERVE_WAL", "(reserve_wal, reserve_wal)", "(RESERVE_WAL off, reserve_wal)",
        "(reserve_wal, reserve_wal maybe)"}) {
    EXPECT_EQ(outcome(options), "42601 conflicting or redundant options") << options;
  }
  for (const char* options : {"TWO_PHASE TWO_PHASE", "USE_SNAPSHOT EXPORT_SNAPSHOT",
                              "(snapshot 'use', two_phase, snapshot 'use')"}) {
    EXPECT_EQ(outcome(options, "LOGICAL p"), "42601 conflicting or redundant options") << options;
  }
}

TEST(SlotOptionsTest, EachBelongsToOneKindOfSlot) {
  for (const char* options : {"TWO_PHASE", "EXPORT_SNAPSHOT", "NOEXPORT_SNAPSHOT", "USE_SNAPSHOT",
                              "RESERVE_WAL TWO_PHASE", "(TWO_PHASE)", "(two_phase maybe)",
                              "(snapshot 'nothing')", "(snapshot 'nonsense')", "(snapshot)"}) {
    EXPECT_EQ(outcome(options), "42601 conflicting or redundant options") << options;
  }
  EXPECT_EQ(outcome("RESERVE_WAL", "LOGICAL p"), "42601 conflicting or redundant options");
}

TEST(SlotOptionsTest, LogicalSlotsHaveTheirs) {
  for (const char* options :
       {"", "EXPORT_SNAPSHOT TWO_PHASE", "TWO_PHASE NOEXPORT_SNAPSHOT", "(two_phase 0)",
        "(snapshot use)", "(SNAPSHOT 'export', TWO_PHASE)"}) {
    EXPECT_EQ(outcome(options, "TEMPORARY LOGICAL p"), "no") << options;
  }
  EXPECT_EQ(outcome("(snapshot 'Use')", "LOGICAL p"),
            "22023 unrecognized value for CREATE_REPLICATION_SLOT option \"snapshot\": \"Use\"");
  EXPECT_EQ(outcome("(snapshot 1)", "LOGICAL p"),
            "22023 unrecognized value for CREATE_REPLICATION_SLOT option \"snapshot\": \"1\"");
  EXPECT_EQ(outcome("(snapshot)", "LOGICAL p"), "42601 snapshot requires a parameter");
  EXPECT_EQ(outcome("(two_phase 'x')", "LOGICAL p"), "42601 two_phase requires a Boolean value");
}

TEST(SlotOptionsTest, AnUnknownOneIsRefused) {
  EXPECT_EQ(outcome("(no_such)"), "XX000 unrecognized option: no_such");
  EXPECT_EQ(outcome("(NO_SUCH 'x')"), "XX000 unrecognized option: no_such");
  EXPECT_EQ(outcome("(\"RESERVE_WAL\")"), "XX000 unrecognized option: RESERVE_WAL");
  EXPECT_EQ(outcome("(WAIT)"), "XX000 unrecognized option: wait");
  EXPECT_EQ(outcome("(no_such)", "LOGICAL p"), "XX000 unrecognized option: no_such");
}

TEST(SlotOptionsTest, TheFirstThatIsWrongIsTold) {
  EXPECT_EQ(outcome("(reserve_wal, no_such)"), "XX000 unrecognized option: no_such");
  EXPECT_EQ(outcome("(no_such, reserve_wal maybe)"), "XX000 unrecognized option: no_such");
  EXPECT_EQ(outcome("(reserve_wal maybe, no_such)"), "42601 reserve_wal requires a Boolean value");
  EXPECT_EQ(outcome("(reserve_wal maybe, reserve_wal)"),
            "42601 reserve_wal requires a Boolean value");
}

}  // namespace
}  // namespace server::command
