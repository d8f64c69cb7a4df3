#include "server/source/directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/source/directory_rig.h"

namespace tests {

using server::wal::Lsn;

namespace {

TEST_F(DirectoryTest, StartsAtTheEndOfTheValidRecords) {
  start();
  EXPECT_TRUE(follower.wait_for(builder.end()));
  EXPECT_EQ(follower.end(), builder.end());
  EXPECT_EQ(follower.tail.position(), builder.end());
}

TEST_F(DirectoryTest, FollowsAFileThatGrowsIntoTheNextOnes) {
  start();
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(follower.wait_for(grow(100'000)));
  Lsn at = follower.spans.front().end;
  for (std::size_t i = 1; i < follower.spans.size(); ++i) {
    EXPECT_EQ(follower.spans[i].begin, at) << "without a gap";
    at = follower.spans[i].end;
  }
}

TEST_F(DirectoryTest, APartialFileIsFollowedThroughItsRename) {
  std::filesystem::rename(path(1), path(1) + ".partial");
  start();
  std::filesystem::rename(path(1) + ".partial", path(1));
  EXPECT_TRUE(follower.wait_for(grow(5000)));
  std::filesystem::rename(path(1), path(1) + ".partial");
  std::filesystem::rename(path(1) + ".partial", path(1));
  EXPECT_TRUE(follower.wait_for(grow(1'500'000)));
}

TEST_F(DirectoryTest, FilesThatAppearWholeAreTaken) {
  start();
  WalDirectory other(server::wal::TimelineId{1}, identity.segment_size);
  std::filesystem::copy_file(path(1), other.segment_path(server::wal::SegmentNo{1}));
  while (builder.end() < Lsn(4 << 20)) builder.append_noop(filling(3000));
  other.write(builder);
  for (std::uint64_t no = 1; no <= 4; ++no) {
    const std::string from = other.segment_path(server::wal::SegmentNo{no});
    if (!std::filesystem::exists(from)) continue;
    std::filesystem::copy_file(from, path(no) + ".copy");
    std::filesystem::rename(path(no) + ".copy", path(no));
  }
  EXPECT_TRUE(follower.wait_for(builder.end()));
}

TEST_F(DirectoryTest, AnotherFileInThePlaceOfTheLastIsTold) {
  start();
  ASSERT_TRUE(follower.wait_for(builder.end()));
  directory.replace(segment(1));
  ASSERT_TRUE(follower.wait_for(grow(5000)));
  EXPECT_TRUE(follower.spans.back().file_replaced);
  ASSERT_TRUE(follower.wait_for(grow(5000)));
  EXPECT_FALSE(follower.spans.back().file_replaced);
}

TEST_F(DirectoryTest, ARecycledFileIsNoWalUntilItIsOverwritten) {
  grow(1'500'000);
  const auto last = value(identity.segment_size.segment_of(builder.end()));
  std::filesystem::copy_file(path(1), path(last + 1));
  start();
  EXPECT_EQ(follower.tail.position(), builder.end());
  EXPECT_TRUE(follower.wait_for(grow(2'000'000)));
}

TEST_F(DirectoryTest, ChangesBehindTheEndAreReported) {
  grow(2'500'000);
  start();
  directory.flip(Lsn((1 << 20) + 5000));
  EXPECT_TRUE(follower.wait_for(grow(1000)));
  EXPECT_TRUE(follower.wait_for_change(1));
}

TEST_F(DirectoryTest, ABadRecordIsReportedOnceAndTheRepairedFileFlowsOn) {
  start();
  const Lsn bad = builder.end();
  testing::internal::CaptureStderr();
  std::vector<std::byte> wrong;
  {
    server::wal::WalBuilder ahead(identity, server::wal::TimelineId{1}, bad,
                                  builder.previous_record());
    ahead.append_noop(filling(500));
    ahead.append_noop(filling(500));
    wrong.assign(ahead.bytes().begin(), ahead.bytes().end());
  }
  wrong[200] ^= std::byte{1};
  directory.write(bad, wrong);
  // Looked at again and again: after the grace, and every second from then on.
  EXPECT_FALSE(follower.wait_until([&](const auto& span) { return span.end > bad; }, 1800));
  wrong[200] ^= std::byte{1};
  directory.write(bad, wrong);
  EXPECT_TRUE(follower.wait_until([&](const auto& span) { return span.end > bad; }));
  source->stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of(log, "incorrect resource manager data checksum"), 1u) << log;
  EXPECT_EQ(count_of(log, "invalid WAL in segment 000000010000000000000001"), 1u) << log;
}

// The record is there a moment later, as if its writer had been interrupted.
TEST_F(DirectoryTest, ARecordThatIsBeingWrittenIsNotReported) {
  start();
  const Lsn from = builder.end();
  testing::internal::CaptureStderr();
  builder.append_noop(filling(5000));
  std::vector<std::byte> whole(builder.bytes().begin(), builder.bytes().end());
  std::vector<std::byte> torn = whole;
  std::fill(torn.begin() + 100, torn.end(), std::byte{0});
  directory.write(from, torn);
  EXPECT_FALSE(follower.wait_until([&](const auto& span) { return span.end > from; }, 100));
  directory.write(from, whole);
  EXPECT_TRUE(follower.wait_for(builder.end()));
  source->stop();
  EXPECT_EQ(testing::internal::GetCapturedStderr().find("invalid WAL"), std::string::npos);
}

using Files = server::source::DirectorySource::Files;

// Its segments are recycled from then on, and pages of them may be on their way to a standby.
TEST_F(DirectoryTest, AServerThatStartsOnTheDirectoryIsNoticed) {
  const std::string data = directory.path() + "/data";
  const std::string pg_wal = data + "/pg_wal";
  std::filesystem::create_directories(data + "/disk");
  std::filesystem::create_directory_symlink(data + "/disk", pg_wal);
  std::filesystem::copy_file(path(1), pg_wal + "/000000010000000000000001");
  std::ofstream(data + "/postmaster.pid") << "2147483646\n";
  testing::internal::CaptureStderr();
  source.emplace(pg_wal + "/", clock,
                 server::source::DirectorySource::Options{.files = Files::kKeepTheirBytes});
  ASSERT_TRUE(source->open().has_value());
  faults.emplace(source->identity());
  ASSERT_TRUE(source->start(follower.tail, *faults, follower).has_value());
  ASSERT_TRUE(follower.wait_for(end()));
  EXPECT_EQ(follower.spans.back().held_from, server::wal::Lsn());
  std::filesystem::remove(data + "/postmaster.pid");
  std::ofstream(data + "/postmaster.pid") << ::getpid() << "\n";
  EXPECT_TRUE(follower.wait_until(
      [](const server::wal::WalSpan& span) { return span.held_from == server::wal::Lsn::max(); }));
  EXPECT_EQ(follower.end(), end());
  source->stop();
  EXPECT_EQ(count_of(testing::internal::GetCapturedStderr(), "belongs to a running server"), 1u);
}

// It may be mounted without the data directory that it belongs to.
TEST_F(DirectoryTest, FilesThatMayBeOverwrittenAreCopied) {
  start();
  ASSERT_TRUE(follower.wait_for(end()));
  EXPECT_EQ(follower.spans.back().held_from, server::wal::Lsn::max());
}

// The operator was wrong: this is how a server makes a new segment of an old one.
TEST_F(DirectoryTest, ASegmentThatBecomesAnotherTellsOfAServer) {
  source.emplace(directory.path(), clock,
                 server::source::DirectorySource::Options{.files = Files::kKeepTheirBytes});
  ASSERT_TRUE(source->open().has_value());
  faults.emplace(source->identity());
  ASSERT_TRUE(source->start(follower.tail, *faults, follower).has_value());
  ASSERT_TRUE(follower.wait_for(end()));
  EXPECT_EQ(follower.spans.back().held_from, server::wal::Lsn());
  const std::string log = logged([&] {
    std::ofstream(directory.path() + "/00000001000000000000000A.partial") << "x";
    std::filesystem::rename(directory.path() + "/00000001000000000000000A.partial",
                            directory.path() + "/00000001000000000000000A");
    std::filesystem::rename(directory.path() + "/00000001000000000000000A",
                            directory.path() + "/00000001000000000000000B");
    EXPECT_TRUE(follower.wait_until([](const server::wal::WalSpan& span) {
      return span.held_from == server::wal::Lsn::max();
    }));
    source->stop();
  });
  EXPECT_EQ(count_of(log,
                     "file \"00000001000000000000000A\" has become "
                     "\"00000001000000000000000B\""),
            1u)
      << log;
}

// What cannot be read is no file that is still to come: it stood still without a word.
TEST_F(DirectoryTest, AFileThatCannotBeReadIsNamedOnceAndWalGoesOnWhenItCan) {
  start();
  ASSERT_TRUE(follower.wait_for(end()));
  const std::string log = logged([&] {
    for (const bool loops : {true, false}) {
      const auto no = value(identity.segment_size.segment_of(end())) + 1;
      const Lsn before = end();
      WalDirectory other(server::wal::TimelineId{1}, identity.segment_size);
      while (builder.end() < segment_start(no) + 5000) builder.append_noop(filling(3000));
      other.write(builder);
      loops ? std::filesystem::create_symlink(path(no), path(no))
            : static_cast<void>(std::filesystem::create_directory(path(no)));
      directory.write(before, other.read(before, segment_start(no)));
      EXPECT_FALSE(follower.wait_until(
          [&](const auto& span) { return span.end > segment_start(no); }, 2500));
      std::filesystem::remove(path(no));
      write();
      EXPECT_TRUE(follower.wait_for(end()));
      EXPECT_FALSE(follower.wait_until([](const auto&) { return false; }, 100));
    }
    source->stop();
  });
  EXPECT_EQ(count_of(log, "WARNING:"), 2u) << log;
  EXPECT_EQ(count_of(log,
                     "000000010000000000000002\": Too many levels of symbolic links; reading "
                     "WAL stands still at"),
            1u)
      << log;
  EXPECT_EQ(count_of(log,
                     "000000010000000000000003, offset 0: Is a directory; reading WAL stands "
                     "still at"),
            1u)
      << log;
  EXPECT_EQ(count_of(log, "reading WAL goes on at"), 2u) << log;
}

// A pipe of that name kept the thread for ever.
TEST_F(DirectoryTest, APipeIsNoSegment) {
  start();
  ASSERT_TRUE(follower.wait_for(end()));
  ASSERT_EQ(::mkfifo(path(2).c_str(), 0600), 0);
  EXPECT_TRUE(follower.wait_for(grow(5000)));
  std::filesystem::remove(path(2));
  EXPECT_TRUE(follower.wait_for(grow(1'500'000)));
}

TEST_F(DirectoryTest, AGapIsNamedAfterAWhile) {
  start();
  ASSERT_TRUE(follower.wait_for(end()));
  WalDirectory other(server::wal::TimelineId{1}, identity.segment_size);
  const Lsn before = end();
  while (builder.end() < segment_start(4) + 5000) builder.append_noop(filling(3000));
  other.write(builder);
  const std::string log = logged([&] {
    directory.write(before, other.read(before, segment_start(2)));
    std::filesystem::copy_file(other.segment_path(segment(3)), path(3));
    std::filesystem::copy_file(other.segment_path(segment(4)), path(4));
    EXPECT_FALSE(
        follower.wait_until([&](const auto& span) { return span.end > segment_start(2); }, 7500));
    std::filesystem::copy_file(other.segment_path(segment(2)), path(2));
    EXPECT_TRUE(follower.wait_for(end()));
    source->stop();
  });
  EXPECT_EQ(count_of(log,
                     "WAL segment 000000010000000000000002 is missing or not all there, while "
                     "segment 000000010000000000000004 is"),
            1u)
      << log;
}

// The directory of an archive that is unmounted, or that has lost a permission.
TEST_F(DirectoryTest, ADirectoryThatGoesIsNamed) {
  start();
  ASSERT_TRUE(follower.wait_for(end()));
  const std::string away = directory.path() + ".away";
  const std::string log = logged([&] {
    std::filesystem::rename(directory.path(), away);
    EXPECT_FALSE(follower.wait_until([](const auto&) { return false; }, 2700));
    std::filesystem::rename(away, directory.path());
    EXPECT_TRUE(follower.wait_for(grow(5000)));
    source->stop();
  });
  EXPECT_EQ(count_of(log, "could not open directory"), 1u) << log;
}

// A standby that has restored the same whole segments asks for what comes behind them.
TEST_F(DirectoryTest, TheBytesOfARecordThatIsNotAllThereArePromised) {
  start();
  builder.append_noop(filling(2'500'000));
  WalDirectory other(server::wal::TimelineId{1}, identity.segment_size);
  const Lsn before = builder.begin();
  other.write(builder);
  directory.write(before, other.read(before, segment_start(3)));
  ASSERT_TRUE(
      follower.wait_until([&](const auto& span) { return span.promised == segment_start(3); }));
  EXPECT_EQ(follower.end(), before);
  directory.write(segment_start(3), other.read(segment_start(3), end()));
  ASSERT_TRUE(follower.wait_for(end()));
  EXPECT_TRUE(follower.wait_until([](const auto& span) { return span.promised == Lsn(); }) ||
              follower.spans.back().promised == Lsn());
}

TEST_F(DirectoryTest, AnEmptyDirectoryIsAnError) {
  TempDir empty;
  server::source::DirectorySource none(empty.path(), clock);
  EXPECT_EQ(none.open().error().kind, &server::wal::kNoWal);
}

}  // namespace

}  // namespace tests
