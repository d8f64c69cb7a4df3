#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "server/wal/set_aside.h"
#include "tests/support/disk_calls.h"
#include "tests/wal/spool_rig.h"

// Segments that a spool lacks: what the disk has lost, and what only a loss of power has left so.

namespace server::wal {
namespace {

TEST_F(SpoolEndTest, ASegmentThatIsMissingBelowTheMarkIsNamedAndNothingIsCut) {
  start_empty(begin());
  write_segments(5);
  ASSERT_TRUE(spool->mark().keep(begin(), writer->proven()));
  const std::string moved = content(segment(3));
  std::filesystem::rename(segment(3), parent.file("moved"));
  EXPECT_EQ(error_of_start(), "WAL of spool \"" + spool_path + "\" lacks file \"" + name(3) +
                                  "\", although it was on disk up to " +
                                  to_string(spool->mark().content().kept_to));
  for (const std::uint64_t no : {1, 2, 4, 5}) EXPECT_TRUE(std::filesystem::exists(segment(no)));
  EXPECT_FALSE(std::filesystem::exists(spool_path + "/set_aside"));
  std::filesystem::rename(parent.file("moved"), segment(3));
  EXPECT_EQ(error_of_start(), "");
}

// Behind a power loss, unless a sync has covered the names of both.
TEST_F(SpoolEndTest, WhatLiesBehindAGapThatTheMarkDoesNotCoverIsSetAside) {
  start_empty(begin());
  write_segments(4);
  ASSERT_TRUE(spool->mark().keep(begin(), begin() + identity.segment_size.bytes() + 1));
  const std::string later = content(segment(4));
  std::filesystem::remove(segment(3));
  const auto end = find_end();
  ASSERT_TRUE(end) << end.error().what;
  EXPECT_EQ(end->incomplete_to, identity.segment_size.start(SegmentNo{3}));
  EXPECT_EQ(content(aside(4, 0)), later);
  EXPECT_FALSE(std::filesystem::exists(segment(4)));
  EXPECT_TRUE(std::filesystem::exists(aside(5, 0)));
}

// What was on disk for sure ended exactly where the segment that is missing begins.
TEST_F(SpoolEndTest, ASegmentThatBeginsAtTheMarkIsNoneThatWasOnDisk) {
  start_empty(begin());
  append(1000);
  builder.append_switch();
  ASSERT_TRUE(writer->write(take()));
  wait_for_flush();
  const Lsn end_of_first = writer->proven();
  ASSERT_EQ(end_of_first, identity.segment_size.end(SegmentNo{1}));
  write_segments(3);
  ASSERT_TRUE(spool->mark().keep(begin(), end_of_first));
  std::filesystem::remove(segment(2));
  const auto end = find_end();
  ASSERT_TRUE(end) << end.error().what;
  EXPECT_EQ(end->end, end_of_first);
  EXPECT_TRUE(std::filesystem::exists(aside(3, 0)));
}

TEST_F(SpoolEndTest, ASpoolThatHasOnlyItsSecondSegmentBeginsAnew) {
  start_empty(begin());
  write_segments(2);
  ASSERT_TRUE(spool->mark().keep(begin(), Lsn()));
  std::filesystem::remove(segment(1));
  const auto end = find_end();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, &kNoWal);
  EXPECT_TRUE(spool->check_empty());
  EXPECT_TRUE(std::filesystem::exists(aside(2, 0)));
}

// Power was lost before the removal of any of them was on disk.
TEST_F(SpoolEndTest, WhatACrashHasBroughtBackOfRemovedWalIsNoGap) {
  start_empty(begin());
  write_segments(5);
  ASSERT_TRUE(spool->mark().keep(identity.segment_size.start(SegmentNo{4}), writer->proven()));
  std::filesystem::remove(segment(2));
  EXPECT_EQ(error_of_start(), "");
  for (const std::uint64_t no : {1, 3}) {
    EXPECT_FALSE(std::filesystem::exists(segment(no))) << "it goes, as it was to";
  }
  EXPECT_TRUE(std::filesystem::exists(segment(4)));
}

// As where an operator takes one spool for another: what the mark says goes for its own WAL only.
TEST_F(SpoolEndTest, WalOfAnotherSystemIsRefusedAsItIs) {
  start_empty(begin());
  write_segments(6);
  const auto expect_refused = [&](Lsn kept_from, Lsn kept_to) {
    ASSERT_TRUE(SpoolMark::create(
        spool_path, {.system_identifier = 77, .kept_from = kept_from, .kept_to = kept_to}));
    EXPECT_EQ(error_of_start(), "spool \"" + spool_path + "\" is of system 77, and the WAL is of " +
                                    "system " + std::to_string(identity.system_identifier));
    for (const std::uint64_t no : {1, 2, 4, 5, 6}) {
      EXPECT_TRUE(std::filesystem::exists(segment(no))) << no;
    }
    EXPECT_FALSE(std::filesystem::exists(spool_path + "/set_aside"));
  };
  std::filesystem::remove(segment(3));
  const SegmentSize size = identity.segment_size;
  expect_refused(size.start(SegmentNo{5}), size.start(SegmentNo{6}));  // 1 to 4 were to go
  expect_refused(begin(), begin() + 1);                                // 4 to 6 are behind a gap
}

// It is overwritten, as is all that it says.
TEST_F(SpoolEndTest, AMarkOfAnotherSystemThatHasNoWalRemovesNone) {
  start_empty(begin());
  write_segments(4);
  std::filesystem::remove(segment(2));
  const Lsn kept_from = identity.segment_size.start(SegmentNo{4});
  ASSERT_TRUE(SpoolMark::create(spool_path, {.system_identifier = 77, .kept_from = kept_from}));
  EXPECT_EQ(error_of_start(), "");
  for (const std::uint64_t no : {1, 3, 4}) EXPECT_TRUE(std::filesystem::exists(segment(no))) << no;
  EXPECT_EQ(spool->mark().content().system_identifier, identity.system_identifier);
}

TEST_F(SpoolEndTest, OldWalThatTheOperatorHasRemovedIsNoGap) {
  start_empty(begin());
  write_segments(4);
  ASSERT_TRUE(spool->mark().keep(begin(), writer->proven()));
  std::filesystem::remove(segment(1));
  std::filesystem::remove(segment(2));
  EXPECT_EQ(error_of_start(), "");
  EXPECT_EQ(spool->mark().content().kept_from, identity.segment_size.start(SegmentNo{3}));
}

TEST_F(SpoolEndTest, AnAdoptedSpoolHasWhatItHasBehindItsGaps) {
  start_empty(begin());
  write_segments(5);
  std::filesystem::remove(spool_path + "/walcast.spool");
  std::filesystem::remove(segment(2));
  adopt = true;
  EXPECT_EQ(error_of_start(), "");
  EXPECT_EQ(spool->mark().content().kept_from, identity.segment_size.start(SegmentNo{3}));
  EXPECT_GT(spool->mark().content().kept_to, identity.segment_size.start(SegmentNo{6}));
  EXPECT_EQ(error_of_start(), "") << "and again";
}

TEST_F(SpoolEndTest, TheMarkSaysWhatIsRemovedBeforeItIs) {
  options.mark = &spool->mark();
  options.retention.wal_keep_bytes = 0;
  std::vector<std::string> calls;
  {
    const tests::DiskHook hook(parent.path(), {}, [&](const tests::DiskCall& call) {
      const bool is_mark = call.file == "spool/walcast.spool" && call.name == "fdatasync";
      if (call.name == "unlink" || is_mark) calls.push_back(call.text());
    });
    start_empty(begin());
    write_segments(4);
    writer->finish();
  }
  const auto unlinked = std::find(calls.begin(), calls.end(), "unlink spool/" + name(1));
  ASSERT_NE(unlinked, calls.end());
  EXPECT_NE(std::find(calls.begin(), unlinked, "fdatasync spool/walcast.spool"), unlinked);
  EXPECT_EQ(spool->mark().content().kept_from, identity.segment_size.start(SegmentNo{4}));
  EXPECT_TRUE(std::filesystem::exists(segment(4)));
}

// Between the removal of a segment and the making of the next, the spool must not lose its end.
TEST_F(SpoolEndTest, TheSegmentInWhichWalEndsStaysUntilTheNextIsThere) {
  options.retention.wal_keep_bytes = 0;
  start_empty(begin());
  append(1000);
  builder.append_switch();
  ASSERT_TRUE(writer->write(take()));
  wait_for_flush();
  ASSERT_EQ(writer->flushed(), identity.segment_size.start(SegmentNo{2}));
  append(1000);
  const auto wal = take();
  const tests::DiskHook hook(parent.path(), [&](const tests::DiskCall& call) {
    return call.name == "open" && call.file == "spool/" + name(2) ? EIO : 0;
  });
  EXPECT_FALSE(writer->write(wal));
  EXPECT_TRUE(std::filesystem::exists(segment(1)));
}

}  // namespace
}  // namespace server::wal
