#include "server/wal/branch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace server::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr SegmentSize kSize(1 << 20);
const TimelineHistory kFirst(TimelineId{1});
constexpr SegmentNo kFar{100};

TimelineId tli(std::uint32_t number) { return TimelineId{number}; }

TimelineEnds ends(std::initializer_list<std::uint32_t> timelines) {
  TimelineEnds all;
  for (const std::uint32_t timeline : timelines) all.emplace(tli(timeline), kFar);
  return all;
}

Branch followed(const TimelineEnds& ends, const HistoryFiles& files,
                const TimelineHistory& from = kFirst) {
  return follow_branch(from, ends, files, kSize);
}

// A promotion of the standby, and a restore test that has forked before it and came later.
const HistoryFiles kRestored{{tli(2), "1\t0/380100\tpromoted\n"}, {tli(3), "1\t0/280100\ttest\n"}};

TEST(BranchTest, ChildrenAreFollowedToTheLast) {
  const Branch branch = followed(
      ends({1, 2, 3}), {{tli(2), "1\t0/380100\t\n"}, {tli(3), "1\t0/380100\t\n2\t0/480100\t\n"}});
  EXPECT_EQ(branch.history.tip(), tli(3));
  EXPECT_EQ(branch.history.switch_point(tli(2)), Lsn(0x480100));
  EXPECT_THAT(branch.warnings, IsEmpty());
  EXPECT_EQ(branch.end_max, Lsn::max());
}

TEST(BranchTest, OfTwoChildrenTheOneThatCameFirstIsServedAndTheOtherNamed) {
  const Branch branch = followed(ends({1, 2, 3}), kRestored);
  EXPECT_EQ(branch.history.tip(), tli(2));
  EXPECT_THAT(branch.warnings,
              ElementsAre(HasSubstr("timeline 3 is not a child of timeline 2 by its history file "
                                    "\"00000003.history\"")));
  EXPECT_EQ(branch.end_max, Lsn::max()) << "the other has left another timeline";
}

// One that was there when it came, and one that starts now.
TEST(BranchTest, ALaterStartComesToTheSameTimeline) {
  const TimelineHistory second = followed(ends({1, 2}), kRestored).history;
  EXPECT_EQ(followed(ends({1, 2, 3}), kRestored, second).history.tip(), tli(2));
  EXPECT_EQ(followed(ends({1, 2, 3}), kRestored).history.tip(), tli(2));
}

// The newest timeline of the directory was the only one looked at.
TEST(BranchTest, AStrangerOfAHigherNumberHidesNoChild) {
  HistoryFiles files = kRestored;
  files[tli(4)] = "1\t0/380100\t\n2\t0/480100\t\n";
  files[tli(5)] = "1\t0/280100\tanother test\n";
  const Branch branch = followed(ends({1, 2, 3, 4, 5}), files);
  EXPECT_EQ(branch.history.tip(), tli(4));
  EXPECT_EQ(branch.warnings.size(), 2u);
}

TEST(BranchTest, AHistoryWithoutWalEndsItsParent) {
  const HistoryFiles files{{tli(2), "1\t0/380100\t\n"}, {tli(3), "1\t0/380100\t\n2\t0/300000\t\n"}};
  const Branch branch = followed(ends({1}), files);
  EXPECT_EQ(branch.history.tip(), tli(1));
  EXPECT_EQ(branch.end_max, Lsn(0x300000)) << "3 has forked earlier, of a 2 without WAL of its own";
  EXPECT_EQ(branch.forked, tli(3));
  EXPECT_EQ(followed(ends({1}), {{tli(2), "1\t0/380103\tno record ends there\n"}}).end_max,
            Lsn::max());
}

TEST(BranchTest, AMissingHistoryIsThatWhichADescendantTells) {
  const Branch branch = followed(ends({1, 2, 3}), {{tli(3), "1\t0/380100\ta\n\n2\t0/480100\tb\n"}});
  EXPECT_EQ(branch.history.tip(), tli(3));
  EXPECT_THAT(branch.warnings, IsEmpty());
  const Branch second = followed(ends({1, 2}), {{tli(3), "1\t0/380100\ta\n\n2\t0/480100\tb\n"}});
  EXPECT_EQ(second.history.tip(), tli(2));
  EXPECT_EQ(second.end_max, Lsn(0x480100));
}

TEST(BranchTest, WithoutAnyHistoryATimelineHasNoParentsAndIsNotFollowed) {
  const Branch branch = followed(ends({1, 2}), {});
  EXPECT_EQ(branch.history.tip(), tli(1));
  EXPECT_THAT(branch.warnings,
              ElementsAre(HasSubstr("no whole history file \"00000002.history\"")));
}

TEST(BranchTest, AForkThatCannotBeIsNotFollowed) {
  for (const char* text : {"1\t0/380103\t\n", "1\t0/0\t\n", "1\t100/0\t\n"}) {
    const Branch branch = followed(ends({1, 2}), {{tli(2), text}});
    EXPECT_EQ(branch.history.tip(), tli(1)) << text;
    EXPECT_THAT(branch.warnings, ElementsAre(HasSubstr("cannot have forked from timeline 1")));
  }
}

TEST(BranchTest, ParentsThatBecomeKnownAreAdded) {
  const TimelineHistory alone(tli(2));
  const Branch branch = followed(ends({2}), {{tli(2), "1\t0/380100\t\n"}}, alone);
  EXPECT_EQ(branch.history.switch_point(tli(1)), Lsn(0x380100));
  const Branch other = followed(ends({2}), {{tli(2), "1\t0/280100\t\n"}}, branch.history);
  EXPECT_EQ(other.history.switch_point(tli(1)), Lsn(0x380100)) << "what is known stays";
}

TEST(BranchTest, AHistoryFileThatIsNotAllThereIsNone) {
  EXPECT_TRUE(check_history_text(tli(2), "# by hand\n1\t0/380100\t\n"));
  EXPECT_EQ(check_history_text(tli(2), "").error().what, "it tells of no parent");
  EXPECT_EQ(check_history_text(tli(2), "1\t0/38").error().what, "its last line is not ended");
  EXPECT_EQ(check_history_text(tli(2), "one\n").error().what, "syntax error in history file: one");
}

TEST(BranchTest, TheTargetIsReadInPostgresWords) {
  for (const char* text : {"latest", "current", "7"}) {
    EXPECT_EQ(show_timeline_target(*parse_timeline_target(text)), text);
  }
  EXPECT_EQ(parse_timeline_target("7")->number, tli(7));
  for (const char* text : {"", "0", "newest", "-1", "7x", "4294967296"}) {
    EXPECT_FALSE(parse_timeline_target(text)) << text;
  }
}

}  // namespace
}  // namespace server::wal
