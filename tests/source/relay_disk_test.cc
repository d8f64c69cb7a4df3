#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "runtime/published.h"
#include "tests/source/relay_rig.h"
#include "tests/support/disk_calls.h"
#include "tests/support/logged.h"

// A relay whose disk is full, or that loses what it had.

namespace tests {

namespace {

using server::wal::Lsn;

struct RelayDiskTest : RelayRig {
  void receive_all() {
    start_primary();
    start_relay(options(primary->port()));
    ASSERT_TRUE(follower->wait_for(end()));
    relay->stop();
    relay.reset();
  }
};

TEST_F(RelayDiskTest, ItStartsOnAFullDiskAndGoesOnWhenThereIsRoom) {
  receive_all();
  const Lsn before = end();
  grow(100'000);
  primary->publish(end());
  runtime::Published<bool> is_full(true);
  runtime::Published<bool> was_full;
  const DiskHook hook(spool.path(), [&](const DiskCall& call) {
    const bool takes_room =
        call.name == "pwrite" || call.name == "fallocate" || (call.flags & O_CREAT) != 0;
    if (!takes_room || !is_full.load()) return 0;
    was_full.store(true);
    return ENOSPC;
  });
  testing::internal::CaptureStderr();
  start_relay(options(primary->port()));
  EXPECT_TRUE(was_full.load());
  EXPECT_EQ(follower->tail.position(), before) << "which standbys get";
  is_full.store(false);
  EXPECT_TRUE(follower->wait_for(end()));
  relay->stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of(log, "No space left on device; no WAL is received meanwhile"), 1u) << log;
  EXPECT_EQ(received(begin(), end()), wal(begin(), end()));
}

TEST_F(RelayDiskTest, ASegmentThatIsGoneIsNamedAndNothingIsReceived) {
  grow(3'000'000);
  primary.emplace(directory.path(), identity, TestServer::Options{});
  const Lsn first = record_at(begin() + 1000).end;
  primary->serve(begin(), first);  // a spool begins with the segment that the primary is at
  start_relay(options(primary->port()));
  ASSERT_TRUE(follower->wait_for(first));
  primary->publish(end());
  ASSERT_TRUE(follower->wait_for(end()));
  relay->stop();
  relay.reset();
  const Lsn second = begin() + identity.segment_size.bytes();
  std::filesystem::remove(spool_path(second));
  server::source::RelaySource again(options(primary->port()), clock);
  const auto opened = again.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, &runtime::kDataCorrupted);
  EXPECT_NE(opened.error().what.find(std::filesystem::path(spool_path(second)).filename()),
            std::string::npos)
      << opened.error().what;
}

}  // namespace

}  // namespace tests
