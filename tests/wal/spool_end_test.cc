#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "runtime/errors.h"
#include "runtime/published.h"
#include "server/wal/set_aside.h"
#include "tests/support/disk_calls.h"
#include "tests/wal/spool_rig.h"

// Where a start finds the end of a spool, and what its mark says of that.

namespace server::wal {
namespace {

TEST_F(SpoolEndTest, ABitThatIsLostBeforeWhatWasOnDiskIsRefusedAndNothingIsCut) {
  start_empty(begin());
  write_segments(3);
  ASSERT_TRUE(spool->mark().keep({}, writer->proven()));
  flip(3, 500'000);
  const std::string before = content(segment(3));
  const auto end = find_end();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, &runtime::kDataCorrupted);
  EXPECT_NE(end.error().what.find(segment_name(kFirst, SegmentNo{3}, identity.segment_size)),
            std::string::npos)
      << end.error().what;
  EXPECT_EQ(content(segment(3)), before);
  flip(3, 500'000);
  EXPECT_TRUE(find_end()) << "the operator has repaired it";
}

TEST_F(SpoolEndTest, SegmentsThatAreGoneAreMissed) {
  start_empty(begin());
  write_segments(3);
  ASSERT_TRUE(spool->mark().keep({}, writer->proven()));
  std::filesystem::remove(segment(3));
  std::filesystem::remove(segment(4));
  EXPECT_FALSE(find_end());
}

// A server that was killed has left names that no sync has covered, and perhaps bytes that the disk
// has refused once and the kernel takes for written.
TEST_F(SpoolEndTest, AStartLooksForTheEndInWhatTheDiskHas) {
  start_empty(begin());
  write_segments(3);
  writer.reset();
  std::vector<std::string> calls;
  const tests::DiskHook hook(parent.path(), {}, [&](const tests::DiskCall& call) {
    const bool counts = call.name == "fadvise" || call.name == "pread" || call.name == "fsync";
    if (counts) calls.push_back(call.text());
  });
  const auto inventory = spool->take_inventory();
  ASSERT_TRUE(inventory);
  calls.clear();
  ASSERT_TRUE(spool->find_end(*inventory));
  ASSERT_EQ(inventory->newest, SegmentNo{4});
  ASSERT_NE(std::find(calls.begin(), calls.end(), "fsync spool"), calls.end());
  const auto read = std::find_if(calls.begin(), calls.end(), [](const std::string& call) {
    return call.starts_with("pread spool/0");
  });
  const auto dropped = std::find(calls.begin(), read, "fsync spool") + 1;
  EXPECT_THAT(std::vector(calls.begin(), dropped),
              testing::IsSupersetOf({"fsync spool/" + name(3), "fsync spool/" + name(4)}));
  EXPECT_THAT(
      std::vector(dropped, read),
      testing::UnorderedElementsAre("fadvise spool/" + name(3), "fadvise spool/" + name(4)));
}

TEST_F(SpoolEndTest, WhatLiesBehindTheEndIsSetAsideUntilItHasComeAgain) {
  start_empty(begin());
  write_segments(3);
  flip(3, 500'000);
  const std::string rest = content(segment(3));
  const std::string later = content(segment(4));
  auto end = find_end();
  ASSERT_TRUE(end) << end.error().what;
  const std::uint32_t offset = identity.segment_size.offset(end->end);
  ASSERT_GT(offset, 400'000u);
  resume(end->end, end->last_record);
  EXPECT_FALSE(std::filesystem::exists(segment(4)));
  EXPECT_EQ(content(aside(4, 0)), later);
  EXPECT_EQ(content(aside(3, offset)), rest.substr(offset));
  EXPECT_EQ(content(segment(3)).substr(offset), std::string(rest.size() - offset, '\0'));

  const SetAside set_aside(spool_path);
  ASSERT_TRUE(
      set_aside.remove_before(SegmentNo{4}, TimelineHistory(kFirst), identity.segment_size));
  EXPECT_FALSE(std::filesystem::exists(aside(3, offset)));
  EXPECT_TRUE(std::filesystem::exists(aside(4, 0)));
}

TEST_F(SpoolEndTest, WhatWasSetAsideGoesWhenTheDiskHasItAgain) {
  start_empty(begin());
  write_segments(3);
  flip(3, 500'000);
  const auto end = find_end();
  ASSERT_TRUE(end) << end.error().what;
  options.mark = &spool->mark();
  options.mark_interval = {};
  resume(end->end, end->last_record);
  ASSERT_TRUE(std::filesystem::exists(aside(4, 0)));
  builder = WalBuilder(identity, kFirst, end->end, end->last_record);
  write_segments(5);
  // Another thread unlinks it, which has long done so when a hundred more segments have come.
  const Lsn limit = writer->end() + 100 * identity.segment_size.bytes();
  while (writer->end() < limit && std::filesystem::exists(aside(4, 0))) {
    append(20'000);
    ASSERT_TRUE(writer->write(take()));
    wait_for_flush();
  }
  EXPECT_FALSE(std::filesystem::exists(aside(4, 0)));
  EXPECT_FALSE(std::filesystem::exists(aside(3, identity.segment_size.offset(end->end))));
}

TEST_F(SpoolEndTest, ACleanEndLeavesNothingToSetAside) {
  start_empty(begin());
  write_segments(1);
  append(100);
  ASSERT_TRUE(writer->write(take()));
  wait_for_flush();
  const auto end = find_end();
  ASSERT_TRUE(end);
  resume(end->end, end->last_record);
  EXPECT_FALSE(std::filesystem::exists(spool_path + "/set_aside"));
}

// It must be a record's end that the disk has, whatever has been written since.
TEST_F(SpoolEndTest, TheMarkFollowsWhatIsOnDisk) {
  options.mark = &spool->mark();
  start_empty(begin());
  append(20'000);
  ASSERT_TRUE(writer->write(take()));
  const Lsn first = writer->proven();
  EXPECT_EQ(writer->mark_due(), runtime::Instant::max());
  wait_for_flush();
  EXPECT_FALSE(kept_to_on_disk().valid()) << "no call has come since the sync";
  EXPECT_LE(writer->mark_due(), clock.now()) << "but it is due";
  append(100'000);
  const auto wal = take();
  const std::size_t to_page_end = kPageBytes - first.page_offset();
  ASSERT_TRUE(writer->write(std::span(wal).first(to_page_end + 2 * kPageBytes)));
  writer->request_flush();
  await_doorbell();
  while (kept_to_on_disk() != first) std::this_thread::yield();  // which another thread writes
  EXPECT_GT(writer->mark_due(), clock.now()) << "not more than once in an interval";
}

// A start would miss WAL that no start can find.
TEST_F(SpoolEndTest, ASpoolWithoutAWholeRecordIsNotSaidToHaveWal) {
  options.mark = &spool->mark();
  options.mark_interval = {};
  start_empty(begin());
  append(100'000);
  const auto wal = take();
  for (const std::size_t page : {0, 1, 2}) {
    ASSERT_TRUE(writer->write(std::span(wal).subspan(page * kPageBytes, kPageBytes)));
    wait_for_flush();
    EXPECT_EQ(writer->mark_due(), runtime::Instant::max());
  }
  ASSERT_EQ(writer->proven(), begin());
  writer->finish();
  EXPECT_FALSE(kept_to_on_disk().valid());
}

TEST_F(SpoolEndTest, ACleanStopLeavesTheMarkAtWhatWasFlushed) {
  options.mark = &spool->mark();
  options.mark_interval = std::chrono::hours(1);
  start_empty(begin());
  for (int commit = 0; commit < 10; ++commit) {
    append(3'000);
    ASSERT_TRUE(writer->write(take()));
    if (commit < 9) wait_for_flush();
  }
  writer->request_flush();
  writer->finish();
  EXPECT_EQ(writer->flushed(), writer->end()) << "it has awaited the flusher";
  EXPECT_EQ(kept_to_on_disk(), writer->proven());
  writer->finish();
  EXPECT_EQ(kept_to_on_disk(), writer->proven());
  const Lsn stopped_at = writer->proven();
  ASSERT_TRUE(find_end());
  flip(1, identity.segment_size.offset(stopped_at) - 100);
  EXPECT_NE(error_of_start().find("although it was on disk up to"), std::string::npos);
}

TEST_F(SpoolEndTest, ACleanStopWithinARecordLeavesTheMarkAtTheRecordBefore) {
  options.mark = &spool->mark();
  start_empty(begin());
  append(3'000);
  append(30'000);
  const auto wal = take();
  ASSERT_TRUE(writer->write(std::span(wal).first(2 * kPageBytes)));
  writer->finish();
  EXPECT_LT(writer->proven(), writer->flushed());
  EXPECT_EQ(kept_to_on_disk(), writer->proven());
  EXPECT_TRUE(find_end());
}

TEST_F(SpoolEndTest, ADiskThatHasFailedIsNotSaidToHaveTheWal) {
  options.mark = &spool->mark();
  start_empty(begin());
  append(3'000);
  ASSERT_TRUE(writer->write(take()));
  {
    const tests::DiskHook hook(parent.path(), [](const tests::DiskCall& call) {
      return call.name == "fdatasync" && parse_file_name(call.file.substr(6)) ? EIO : 0;
    });
    writer->finish();
  }
  EXPECT_TRUE(writer->flush_failure());
  EXPECT_FALSE(kept_to_on_disk().valid());
}

// A commit is on disk when its sync is done, however long the mark takes.
TEST_F(SpoolEndTest, NoCommitWaitsForTheMark) {
  options.mark = &spool->mark();
  options.mark_interval = {};
  runtime::Published<bool> mark_waits(false);
  const tests::DiskHook hook(parent.path(), [&](const tests::DiskCall& call) {
    while (call.name == "fdatasync" && call.file == "spool/walcast.spool" && mark_waits.load()) {
      std::this_thread::yield();
    }
    return 0;
  });
  start_empty(begin());
  mark_waits.store(true);
  for (int commit = 0; commit < 5; ++commit) {
    append(3'000);
    ASSERT_TRUE(writer->write(take()));
    wait_for_flush();
  }
  EXPECT_EQ(writer->flushed(), writer->end());
  mark_waits.store(false);
  writer->finish();
  EXPECT_EQ(kept_to_on_disk(), writer->proven());
}

TEST_F(SpoolEndTest, NoMoreThanSoMuchIsSetAside) {
  start_empty(begin());
  write_segments(1);
  const SetAside set_aside(spool_path);
  for (std::uint32_t offset = 0; offset < SetAside::kFilesMax + 3; ++offset) {
    ASSERT_TRUE(set_aside.take_rest(kFirst, SegmentNo{1}, identity.segment_size, 1000 + offset));
  }
  EXPECT_FALSE(std::filesystem::exists(aside(1, 1002)));
  EXPECT_TRUE(std::filesystem::exists(aside(1, 1003)));
}

// By their names all files of an earlier timeline came first: where a promotion came to nothing,
// what a start had just set aside went at once.
TEST_F(SpoolEndTest, WhatWasWrittenTheLongestAgoGoesFirstWhateverItsTimeline) {
  start_empty(begin());
  write_segments(1);
  const SetAside set_aside(spool_path);
  ASSERT_TRUE(set_aside.take_rest(kFirst, SegmentNo{1}, identity.segment_size, 1000));
  const auto of_second = [&](std::size_t no) {
    return runtime::format("{}/set_aside/{}.00000000", spool_path,
                           segment_name(kSecond, SegmentNo{no}, identity.segment_size));
  };
  const auto now = std::filesystem::last_write_time(aside(1, 1000));
  for (std::size_t no = 1; no <= SetAside::kFilesMax; ++no) {
    std::ofstream(of_second(no)) << "WAL";
    // The middle one is the oldest.
    const auto age = std::chrono::hours(no == SetAside::kFilesMax / 2 ? 2 : 1);
    std::filesystem::last_write_time(of_second(no), now - age);
  }
  ASSERT_TRUE(set_aside.sync());
  EXPECT_TRUE(std::filesystem::exists(aside(1, 1000)));
  for (std::size_t no = 1; no <= SetAside::kFilesMax; ++no) {
    EXPECT_EQ(std::filesystem::exists(of_second(no)), no != SetAside::kFilesMax / 2) << no;
  }
}

// What could not be set aside must not be cut.
TEST_F(SpoolEndTest, ADiskThatTakesNoCopyLeavesTheWalAsItIs) {
  start_empty(begin());
  write_segments(2);
  flip(2, 500'000);
  const std::string before = content(segment(2));
  const auto end = find_end();
  ASSERT_TRUE(end);
  make({TimelineHistory(kFirst), {}});
  {
    const tests::DiskHook hook(parent.path(), [](const tests::DiskCall& call) {
      return call.file.ends_with(".tmp") && call.name == "pwrite" ? EIO : 0;
    });
    EXPECT_FALSE(writer->start(end->end, end->last_record));
  }
  EXPECT_EQ(content(segment(2)), before);
}

// What a full disk keeps a start from is done by the first write that finds room.
TEST_F(SpoolEndTest, AStartOnAFullDiskSetsAsideWhatItCouldNotWhenThereIsRoom) {
  start_empty(begin());
  write_segments(2);
  flip(2, 500'000);
  const std::string rest = content(segment(2));
  const auto end = find_end();
  ASSERT_TRUE(end);
  const std::uint32_t offset = identity.segment_size.offset(end->end);
  make({TimelineHistory(kFirst), {}});
  builder = WalBuilder(identity, kFirst, end->end, end->last_record);
  append(1000);
  const auto wal = take();
  {
    const tests::DiskHook hook(parent.path(), [](const tests::DiskCall& call) {
      const bool takes_room = call.name == "pwrite" || call.name == "fallocate" ||
                              call.name == "mkdir" || (call.flags & O_CREAT) != 0;
      return takes_room ? ENOSPC : 0;
    });
    const auto started = writer->start(end->end, end->last_record);
    ASSERT_FALSE(started);
    EXPECT_TRUE(runtime::is_full_disk(started.error()));
    EXPECT_EQ(writer->positions().flushed(), end->end);
    EXPECT_FALSE(writer->write(wal));
    EXPECT_EQ(content(segment(2)), rest) << "nothing is written before it is set aside";
  }
  ASSERT_TRUE(writer->write(wal));
  wait_for_flush();
  EXPECT_EQ(writer->proven(), end->end + wal.size());
  EXPECT_EQ(content(aside(2, offset)), rest.substr(offset));
  EXPECT_TRUE(std::filesystem::exists(aside(3, 0)));
}

// The other timeline's segment of the same number has not come again.
TEST_F(SpoolEndTest, WhatIsSetAsideOfAnotherTimelineStays) {
  start_empty(begin());
  write_segments(3);
  const SetAside set_aside(spool_path);
  const auto size = identity.segment_size;
  const auto history = TimelineHistory::parse(kSecond, "1\t0/250000\tpromoted\n");
  ASSERT_TRUE(history);
  for (const std::uint64_t no : {1, 2, 3}) {
    ASSERT_TRUE(set_aside.take_segment(kFirst, SegmentNo{no}, size));
  }
  ASSERT_TRUE(set_aside.remove_before(SegmentNo{9}, *history, size));
  EXPECT_FALSE(std::filesystem::exists(aside(1, 0)));
  EXPECT_TRUE(std::filesystem::exists(aside(2, 0)));
  EXPECT_TRUE(std::filesystem::exists(aside(3, 0)));
}

}  // namespace
}  // namespace server::wal
