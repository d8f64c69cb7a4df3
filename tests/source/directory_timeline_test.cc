#include <filesystem>

#include "runtime/log.h"
#include "tests/source/directory_rig.h"
#include "tests/support/log_pipe.h"

// Timelines that appear in a directory while it is followed.

namespace tests {

using server::wal::Lsn;
using server::wal::TimelineId;

namespace {

TEST_F(DirectoryTest, ANewTimelineIsFollowedFromItsFork) {
  start();
  const Lsn fork = builder.end();
  write_history(2, runtime::format("1\t{}\tpromoted\n", fork));
  const auto second = child(2, fork, builder.previous_record());
  write_timeline(2, second);
  ASSERT_TRUE(follower.wait_for_timeline(2));
  ASSERT_TRUE(follower.wait_for(second.end()));
  const auto& timelines = *follower.spans.back().timelines;
  EXPECT_EQ(timelines.history.switch_point(TimelineId{1}), fork);
  EXPECT_EQ(timelines.files.at(TimelineId{2}), runtime::format("1\t{}\tpromoted\n", fork));
}

TEST_F(DirectoryTest, AForkBehindTheEndTakesTheEndBack) {
  const Lsn fork = builder.end();
  const Lsn previous = builder.previous_record();
  grow(100'000);
  start();
  ASSERT_TRUE(follower.wait_for(builder.end()));
  write_history(2, runtime::format("1\t{}\tpromoted\n", fork));
  const auto second = child(2, fork, previous);
  write_timeline(2, second);
  ASSERT_TRUE(follower.wait_for_timeline(2));
  EXPECT_EQ(follower.spans.back().begin, fork);
}

TEST_F(DirectoryTest, AHistoryFileAloneIsServedAndChangesNothingElse) {
  start();
  ASSERT_TRUE(follower.wait_for(builder.end()));
  write_history(2, "1\t0/900000\tlater\n");
  ASSERT_TRUE(follower.wait_until(
      [](const auto& span) { return span.timelines->files.contains(TimelineId{2}); }));
  EXPECT_EQ(follower.spans.back().timelines->history.tip(), TimelineId{1});
  EXPECT_EQ(follower.end(), builder.end());
  EXPECT_TRUE(follower.wait_for(grow(5000)));
}

TEST_F(DirectoryTest, ATimelineThatIsNoChildOfOursIsRefusedWithOneLine) {
  write_history(2, "1\t0/180000\tpromoted\n");
  const auto second = child(2, builder.end(), builder.previous_record());
  write_timeline(2, second);
  constexpr std::string_view kRefusal = "timeline 3 is not a child of timeline 2";
  LogPipe log;
  start();
  ASSERT_TRUE(follower.wait_for_timeline(2));
  write_history(3, "1\t0/140000\tpromoted elsewhere\n");
  write_timeline(3, child(3, builder.end(), builder.previous_record()));
  ASSERT_TRUE(log.wait_for(kRefusal));
  for (int i = 0; i < 2; ++i) {
    write_timeline(3, child(3, builder.end(), builder.previous_record()));
    EXPECT_FALSE(follower.wait_until(
        [](const auto& span) { return span.timelines->history.tip() == TimelineId{3}; }, 900));
  }
  source->stop();
  runtime::log::log("that is all");
  ASSERT_TRUE(log.wait_for("that is all"));
  EXPECT_EQ(count_of(log.said(), std::string(kRefusal)), 1u) << log.said();
}

// It met a failed CHECK.
TEST_F(DirectoryTest, AForkWhereNoRecordCanEndIsRefusedUntilTheHistoryIsRight) {
  start();
  const Lsn fork = builder.end();
  const auto second = child(2, fork, builder.previous_record());
  constexpr std::string_view kRefusal = "timeline 2 cannot have forked from timeline 1 at ";
  LogPipe log;
  for (const auto& wrong : {to_string(fork - 3), std::string("0/0")}) {
    write_history(2, runtime::format("1\t{}\tpromoted\n", wrong));
    write_timeline(2, second);
    EXPECT_FALSE(follower.wait_until(
        [](const auto& span) { return span.timelines->history.tip() == TimelineId{2}; }, 100))
        << "the first is not logged: files may be half written for a moment";
  }
  EXPECT_TRUE(log.wait_for(kRefusal));
  EXPECT_FALSE(follower.wait_until(
      [](const auto& span) { return span.timelines->history.tip() == TimelineId{2}; }, 900))
      << "it stays refused";
  write_history(2, runtime::format("1\t{}\tpromoted\n", fork));
  EXPECT_TRUE(follower.wait_for(second.end()));
  source->stop();
  runtime::log::log("that is all");
  ASSERT_TRUE(log.wait_for("that is all"));
  EXPECT_EQ(count_of(log.said(), std::string(kRefusal)), 1u) << log.said();
}

// The first segment of a timeline is the one that its fork is in.
TEST_F(DirectoryTest, AForkBeyondTheTimelinesOwnWalIsRefused) {
  start();
  write_history(2, "1\t0/900000\tpromoted\n");
  write_timeline(2, child(2, builder.end(), builder.previous_record()));
  EXPECT_FALSE(follower.wait_until(
      [](const auto& span) { return span.timelines->history.tip() == TimelineId{2}; }, 100));
  EXPECT_TRUE(follower.wait_for(grow(5000)));
}

// Timeline 2 is known to have gone farther than the fork of 3 from it. The reader went on where 2
// had got to, in a file of 3 in which no record begins there.
TEST_F(DirectoryTest, OfTwoNewTimelinesTheOneThatForksEarliestTakesTheEndBack) {
  const Lsn early = builder.end();
  const Lsn previous = builder.previous_record();
  grow(50'000);
  const Lsn late = builder.end();
  grow(50'000);
  start();
  ASSERT_TRUE(follower.wait_for(builder.end()));
  write_history(3, runtime::format("1\t{}\tpromoted\n2\t{}\tpromoted\n", late, early));
  const auto third = child(3, early, previous);
  write_timeline(3, third);
  ASSERT_TRUE(follower.wait_for_timeline(3));
  EXPECT_EQ(follower.spans.back().begin, early);
  EXPECT_TRUE(follower.wait_for(third.end()));
}

// The thread of a synthetic source asks its directory's source for the identity. That lay in the
// inventory, which the "wal" thread replaces when a history file comes: a race, for tsan to see.
TEST_F(DirectoryTest, ItsIdentityMayBeAskedForByOtherThreads) {
  start();
  write_history(2, "1\t0/900000\tlater\n");
  EXPECT_EQ(source->identity(), identity);
  ASSERT_TRUE(follower.wait_until(
      [](const auto& span) { return span.timelines->files.contains(TimelineId{2}); }));
}

// Its history was read anew without any parents, and standbys on them met a failed CHECK.
TEST_F(DirectoryTest, AHistoryFileThatGoesTakesNoTimelineAway) {
  const Lsn fork = builder.end();
  write_history(2, runtime::format("1\t{}\tpromoted\n", fork));
  const auto second = child(2, fork, builder.previous_record());
  write_timeline(2, second);
  start();
  ASSERT_TRUE(follower.wait_for(second.end()));
  std::filesystem::remove(directory.path() + "/00000002.history");
  ASSERT_TRUE(follower.wait_until([](const auto& span) { return span.timelines->files.empty(); }));
  EXPECT_TRUE(follower.spans.back().timelines->history.contains(TimelineId{1}));
}

// The same, where the new timeline's file tells less than, or other than, what is known.
TEST_F(DirectoryTest, ATimelineWhoseHistoryContradictsOursIsRefused) {
  const Lsn fork = builder.end();
  write_history(2, runtime::format("1\t{}\tpromoted\n", fork));
  auto second = child(2, fork, builder.previous_record());
  write_timeline(2, second);
  start();
  ASSERT_TRUE(follower.wait_for(second.end()));
  const auto third = child(3, second.end(), second.previous_record());
  for (const auto& text : {runtime::format("2\t{}\tno parent\n", second.end()),
                           runtime::format("1\t0/110000\tx\n2\t{}\ty\n", second.end())}) {
    write_history(3, text);
    write_timeline(3, third);
    EXPECT_FALSE(follower.wait_until(
        [](const auto& span) { return span.timelines->history.tip() == TimelineId{3}; }, 100));
  }
}

// An abandoned timeline of a higher number was refused while it came, and served by the next start.
TEST_F(DirectoryTest, ARestartServesTheTimelineThatWasServedBefore) {
  const Lsn early = builder.end();
  const Lsn previous = builder.previous_record();
  grow(50'000);
  const Lsn fork = builder.end();
  start();
  write_history(2, runtime::format("1\t{}\tpromoted\n", fork));
  const auto second = child(2, fork, builder.previous_record());
  write_timeline(2, second);
  ASSERT_TRUE(follower.wait_for(second.end()));
  write_history(3, runtime::format("1\t{}\trestore test\n", early));
  write_timeline(3, child(3, early, previous));
  EXPECT_FALSE(follower.wait_until(
      [](const auto& span) { return span.timelines->history.tip() == TimelineId{3}; }, 100));
  source->stop();
  const std::string log = logged([&] {
    server::source::DirectorySource again(directory.path(), clock);
    TailFollower other;
    ASSERT_TRUE(again.open().has_value());
    ASSERT_TRUE(again.start(other.tail, *faults, other).has_value());
    EXPECT_TRUE(other.wait_for(second.end()));
    EXPECT_EQ(other.tail.timelines()->history.tip(), TimelineId{2});
    again.stop();
  });
  EXPECT_EQ(count_of(log, "WARNING:  timeline 3 is not a child of timeline 2"), 1u) << log;
}

TEST_F(DirectoryTest, TheTargetChoosesTheTimelineAndStaysOnIt) {
  const Lsn fork = builder.end();
  const auto second = child(2, fork, builder.previous_record());
  const auto third = child(3, fork, builder.previous_record());
  write_history(2, runtime::format("1\t{}\tpromoted\n", fork));
  write_history(3, runtime::format("1\t{}\tanother\n", fork));
  write_timeline(2, second);
  write_timeline(3, third);
  using Target = server::wal::TimelineTarget;
  const auto served = [&](const Target& target) {
    server::source::DirectorySource chosen(directory.path(), clock, {.target = target});
    TailFollower other;
    EXPECT_TRUE(chosen.open().has_value());
    server::wal::FaultLog log(chosen.identity());
    EXPECT_TRUE(chosen.start(other.tail, log, other).has_value());
    EXPECT_TRUE(other.wait_for(fork));
    EXPECT_FALSE(other.wait_until(
        [&](const auto& span) {
          return span.timelines != other.spans.front().timelines &&
                 span.timelines->history.tip() != other.spans.front().timelines->history.tip();
        },
        1200));
    chosen.stop();
    return value(other.tail.timelines()->history.tip());
  };
  EXPECT_EQ(served({.kind = Target::Kind::kNumber, .number = TimelineId{3}}), 3u);
  EXPECT_EQ(served({.kind = Target::Kind::kCurrent}), 1u);
}

// The history file of a promotion is there, no WAL of it yet, and the old primary goes on.
TEST_F(DirectoryTest, NothingBehindAKnownForkIsServed) {
  start();
  grow(20'000);
  const Lsn fork = builder.end();
  const Lsn previous = builder.previous_record();
  ASSERT_TRUE(follower.wait_for(fork));
  write_history(2, runtime::format("1\t{}\tpromoted\n", fork));
  ASSERT_TRUE(follower.wait_until(
      [](const auto& span) { return span.timelines->files.contains(TimelineId{2}); }));
  const auto second = child(2, fork, previous);
  write_timeline(2, second, ".later");  // from a copy of the segment up to the fork
  grow(1'500'000);
  EXPECT_FALSE(follower.wait_until([&](const auto& span) { return span.end > fork; }, 1500));
  source->stop();
  source.reset();
  TailFollower other;
  source.emplace(directory.path(), clock);
  ASSERT_TRUE(source->open().has_value());
  ASSERT_TRUE(source->start(other.tail, *faults, other).has_value());
  EXPECT_EQ(other.tail.position(), fork) << "a start comes to the same end";
  std::filesystem::rename(path(2, 1) + ".later", path(2, 1));
  EXPECT_TRUE(other.wait_for(second.end()));
  source->stop();
  EXPECT_EQ(other.tail.timelines()->history.tip(), TimelineId{2});
}

}  // namespace

}  // namespace tests
