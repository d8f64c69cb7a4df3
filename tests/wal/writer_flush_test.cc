#include "server/wal/writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "runtime/mutex.h"
#include "tests/support/disk_calls.h"
#include "tests/support/no_descriptors.h"
#include "tests/wal/writer_rig.h"

// How a spool becomes durable: by which descriptors, in which order, and what is left of a failure.

namespace server::wal {
namespace {

using WriterFlushTest = WriterRig;

// A clock that several threads read, and that moves when a test says so.
struct DiskTime final : runtime::Clock {
  runtime::Instant now() const override {
    return runtime::Instant(std::chrono::microseconds(us.load()));
  }
  runtime::WallMicros wall_now() const override { return us; }
  std::atomic<std::int64_t> us = 1;
};

TEST_F(WriterFlushTest, WhatIsFlushedFollowsOverSegments) {
  start_empty(begin());
  EXPECT_EQ(writer->flushed(), begin());
  for (int i = 0; i < 400; ++i) append(8000);
  ASSERT_TRUE(writer->write(take()));
  wait_for_flush();
  EXPECT_EQ(writer->flushed(), builder.end());
  EXPECT_FALSE(writer->flush_failure().has_value());
}

TEST_F(WriterFlushTest, AFailedFlushIsReportedAndTheLast) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  std::atomic<int> syncs = 0;
  const tests::DiskHook broken(directory.path(), [&](const tests::DiskCall& call) {
    return call.name == "fdatasync" && ++syncs == 1 ? EIO : 0;
  });
  writer->request_flush();
  await_doorbell();
  ASSERT_TRUE(writer->flush_failure().has_value());
  EXPECT_EQ(writer->flush_failure()->what,
            "could not fsync file \"" + path(kFirst, 1) + "\": Input/output error");
  EXPECT_FALSE(writer->is_flushing());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  writer->request_flush();
  EXPECT_FALSE(writer->take_back(writer->proven()));
  EXPECT_EQ(writer->flushed(), begin());
  EXPECT_EQ(syncs, 1);
}

// After eight quick syncs the writer's thread makes the next ones, and the primary may be told at
// once; one that fails is no less the last.
TEST_F(WriterFlushTest, WhereSyncsAreQuickTheWriterMakesThemItself) {
  options.quick_sync = std::chrono::hours(1);
  start_empty(begin());
  for (int i = 0; i < 8; ++i) {
    append(100);
    ASSERT_TRUE(writer->write(take()));
    writer->request_flush();
    await_doorbell();  // the flusher rings once, and last of all
    EXPECT_FALSE(writer->is_flushing());
  }
  append(100);
  ASSERT_TRUE(writer->write(take()));
  writer->request_flush();
  EXPECT_EQ(writer->flushed(), builder.end());
  EXPECT_TRUE(doorbell.prepare_to_sleep()) << "no ring for what is known already";
  doorbell.awake();

  const tests::DiskHook broken(directory.path(), [](const tests::DiskCall& call) {
    return call.name == "fdatasync" ? EIO : 0;
  });
  append(100);
  ASSERT_TRUE(writer->write(take()));
  writer->request_flush();
  EXPECT_TRUE(writer->flush_failure().has_value());
  EXPECT_LT(writer->flushed(), builder.end());
}

// The disk's own time is the clock's: it moves in a sync only.
TEST_F(WriterFlushTest, ASlowSyncIsTheLastThatTheWriterMakesItself) {
  DiskTime time;
  std::atomic<std::int64_t> sync_takes_us = 0;
  std::atomic<std::thread::id> syncing_thread;
  const tests::DiskHook disk(directory.path(), [&](const tests::DiskCall& call) {
    if (call.name != "fdatasync") return 0;
    time.us += sync_takes_us;
    syncing_thread = std::this_thread::get_id();
    return 0;
  });
  Flusher flusher(directory.path(), std::chrono::microseconds(100), time, doorbell);
  const SegmentSize size = identity.segment_size;
  SegmentOutput output(
      {.directory = directory.path(), .segment_size = size, .synced_by = SyncedBy::kTaker});
  ASSERT_TRUE(output.start(begin()));
  ASSERT_TRUE(flusher.start(begin()));
  // Returns whether the calling thread made the sync.
  const auto sync_is_ours = [&] {
    EXPECT_TRUE(output.append(tests::filling(100)));
    flusher.request(output);
    while (flusher.is_at_work()) await_doorbell();
    return syncing_thread == std::this_thread::get_id();
  };
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(sync_is_ours());
  EXPECT_TRUE(sync_is_ours());
  sync_takes_us = 1000;
  EXPECT_TRUE(sync_is_ours()) << "the first slow one";
  sync_takes_us = 0;
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(sync_is_ours());
  EXPECT_TRUE(sync_is_ours());
}

// The calls on the spool's files that a commit costs, on both threads.
TEST_F(WriterFlushTest, ACommitCostsNoOpenAndNoSyncOfTheDirectory) {
  start_empty(begin());
  append(100);
  ASSERT_TRUE(writer->write(take()));
  wait_for_flush();
  runtime::Mutex mutex;
  std::vector<std::string> calls;
  const tests::DiskHook hook(directory.path(), [&](const tests::DiskCall& call) {
    const runtime::Lock lock(mutex);
    if (call.name != "pread" && call.name != "stat" && call.name != "open") {
      calls.push_back(call.text());
    }
    return 0;
  });
  const std::string name = segment_name(kFirst, SegmentNo{1}, identity.segment_size);
  for (int i = 0; i < 3; ++i) {
    append(100);
    ASSERT_TRUE(writer->write(take()));
    wait_for_flush();
  }
  const runtime::Lock lock(mutex);
  std::vector<std::string> wanted;
  for (int i = 0; i < 3; ++i) wanted.insert(wanted.end(), {"pwrite " + name, "fdatasync " + name});
  EXPECT_EQ(calls, wanted);
}

// A full segment is closed by the sync that covers it, and its directory is synced for its name.
TEST_F(WriterFlushTest, AFullSegmentIsSyncedByTheDescriptorThatWroteIt) {
  start_empty(begin());
  while (builder.end() < identity.segment_size.start(SegmentNo{2}) + 50'000) append(8000);
  ASSERT_TRUE(writer->write(take()));
  std::filesystem::rename(path(kFirst, 1), path(kFirst, 1) + ".elsewhere");
  runtime::Mutex mutex;
  std::vector<std::string> syncs;
  const tests::DiskHook hook(directory.path(), [&](const tests::DiskCall& call) {
    const runtime::Lock lock(mutex);
    syncs.push_back(call.text());
    return 0;
  });
  wait_for_flush();
  const runtime::Lock lock(mutex);
  const std::string first = segment_name(kFirst, SegmentNo{1}, identity.segment_size);
  EXPECT_EQ(syncs, (std::vector<std::string>{
                       "fdatasync " + first + ".elsewhere",
                       "fdatasync " + segment_name(kFirst, SegmentNo{2}, identity.segment_size),
                       "fsync ."}));
}

// The segment before the end has bytes that no sync has covered when WAL is taken back.
TEST_F(WriterFlushTest, WhatIsNotTakenBackIsStillSynced) {
  start_empty(begin());
  while (builder.end() < identity.segment_size.start(SegmentNo{2}) + 50'000) append(8000);
  ASSERT_TRUE(writer->write(take()));
  const Lsn proven = builder.end();
  append(40'000);
  const auto torn = take();
  const std::size_t to_page_end = kPageBytes - proven.page_offset();
  ASSERT_TRUE(writer->write(std::span(torn).first(to_page_end + kPageBytes)));
  ASSERT_TRUE(writer->take_back(writer->proven()));
  EXPECT_EQ(writer->end(), proven);
  runtime::Mutex mutex;
  std::vector<std::string> syncs;
  const tests::DiskHook hook(directory.path(), [&](const tests::DiskCall& call) {
    const runtime::Lock lock(mutex);
    syncs.push_back(call.text());
    return 0;
  });
  wait_for_flush();
  EXPECT_EQ(writer->flushed(), proven);
  const runtime::Lock lock(mutex);
  EXPECT_EQ(syncs, (std::vector<std::string>{
                       "fdatasync " + segment_name(kFirst, SegmentNo{1}, identity.segment_size),
                       "fdatasync " + segment_name(kFirst, SegmentNo{2}, identity.segment_size),
                       "fsync ."}));
}

TEST_F(WriterFlushTest, AFlushNeedsNoDescriptor) {
  if (!tests::NoDescriptors::kPossible) GTEST_SKIP() << "the sanitizers need descriptors";
  start_empty(begin());
  for (int i = 0; i < 300; ++i) append(8000);
  ASSERT_TRUE(writer->write(take()));
  {
    const tests::NoDescriptors none;
    writer->request_flush();
    await_doorbell();
  }
  EXPECT_FALSE(writer->flush_failure().has_value());
  EXPECT_EQ(writer->flushed(), builder.end());
}

}  // namespace
}  // namespace server::wal
