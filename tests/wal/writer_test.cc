#include "server/wal/writer.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/errors.h"
#include "runtime/log.h"
#include "server/wal/inventory.h"
#include "server/wal/names.h"
#include "tests/support/log_pipe.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/samples.h"

// A spool that is fed: what is proven, published, made durable, taken back and kept.

namespace server::wal {
namespace {

using tests::filling;

constexpr TimelineId kFirst{1};
constexpr TimelineId kSecond{2};

class WriterTest : public testing::Test {
 protected:
  // A server that has just started on what is in the directory: nothing, or WAL up to `end`.
  void start_empty(Lsn begin) {
    make({TimelineHistory(kFirst), {}});
    ASSERT_TRUE(writer->start_empty(begin));
  }
  void resume(Lsn end, Lsn last_record) {
    make({TimelineHistory(kFirst), {}});
    ASSERT_TRUE(writer->start(end, last_record));
  }
  void make(Timelines timelines) {
    writer.reset();
    tail = std::make_unique<WalTail>();
    tail->adopt(std::move(timelines));
    writer.emplace(options, clock, *tail, doorbell);
  }

  // The builder's WAL from where the last call has left.
  std::vector<std::byte> take() {
    std::vector<std::byte> wal(builder.bytes().begin(), builder.bytes().end());
    builder.clear();
    return wal;
  }
  void append(std::size_t record_bytes) { builder.append_noop(filling(record_bytes)); }
  void wait_for_flush() {
    while (writer->flushed() < writer->end()) {
      writer->request_flush();
      pollfd rung{.fd = doorbell.fd(), .events = POLLIN, .revents = 0};
      if (doorbell.prepare_to_sleep()) {
        ASSERT_EQ(::poll(&rung, 1, /*timeout_ms=*/10'000), 1);
      }
      doorbell.awake();
    }
  }
  std::string path(TimelineId timeline, std::uint64_t no) const {
    return directory.path() + "/" + segment_name(timeline, SegmentNo{no}, identity.segment_size);
  }
  Lsn begin() const { return identity.segment_size.start(SegmentNo{1}); }

  Identity identity = tests::identity_of(1);
  tests::WalDirectory directory{kFirst, identity.segment_size};
  WalBuilder builder = tests::builder_of(identity);
  runtime::SystemClock clock;
  runtime::Doorbell doorbell;
  std::unique_ptr<WalTail> tail;
  Writer::Options options{.directory = directory.path(),
                          .identity = identity,
                          .retention = {.wal_keep_bytes = std::uint64_t{1} << 30}};
  std::optional<Writer> writer;
};

TEST_F(WriterTest, WhatIsWrittenIsProvenAndPublished) {
  start_empty(begin());
  for (const std::size_t size : {100u, 5000u, 40'000u}) {
    append(size);
    const auto wal = take();
    ASSERT_TRUE(writer->write(wal));
    EXPECT_EQ(writer->end(), builder.end());
    EXPECT_EQ(writer->proven(), builder.end());
    EXPECT_EQ(tail->position(), builder.end());
    EXPECT_EQ(directory.read(builder.end() - wal.size(), builder.end()), wal);
  }
}

TEST_F(WriterTest, ARecordInPiecesOfPagesIsProvenWhenItIsWhole) {
  start_empty(begin());
  append(100);
  ASSERT_TRUE(writer->write(take()));
  const Lsn first_end = builder.end();
  append(40'000);
  const auto wal = take();
  const std::size_t to_page_end = kPageBytes - first_end.page_offset();
  ASSERT_TRUE(writer->write(std::span(wal).first(to_page_end + kPageBytes)));
  EXPECT_EQ(writer->proven(), first_end);
  EXPECT_EQ(tail->position(), first_end);
  ASSERT_TRUE(writer->write(std::span(wal).subspan(to_page_end + kPageBytes)));
  EXPECT_EQ(tail->position(), builder.end());
}

TEST_F(WriterTest, ASwitchReachesItsSegmentsEnd) {
  start_empty(begin());
  append(100);
  builder.append_switch();
  append(100);
  ASSERT_TRUE(writer->write(take()));
  EXPECT_EQ(tail->position(), builder.end());
  EXPECT_GT(builder.end(), identity.segment_size.end(SegmentNo{1}));
}

TEST_F(WriterTest, AWrongRecordIsAnErrorAndIsTakenBack) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  const Lsn proven = builder.end();
  append(3000);
  append(3000);
  const auto wal = take();
  auto wrong = wal;
  wrong[200] ^= std::byte{1};
  const auto refused = writer->write(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, &runtime::kDataCorrupted);
  EXPECT_EQ(refused.error().what.find("invalid WAL received at " + to_string(proven)), 0u)
      << refused.error().what;
  EXPECT_EQ(tail->position(), proven);

  ASSERT_TRUE(writer->rewind());
  EXPECT_EQ(writer->end(), proven);
  EXPECT_EQ(directory.read(proven, proven + 3000), std::vector<std::byte>(3000));
  ASSERT_TRUE(writer->write(wal));
  EXPECT_EQ(tail->position(), builder.end());
}

TEST_F(WriterTest, WhatLooksLikeTheEndOfWalIsWrongWhereMoreFollows) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  EXPECT_FALSE(writer->write(std::vector<std::byte>(64))) << "zeros";
  ASSERT_TRUE(writer->rewind());
  append(3000);
  auto wal = take();
  wal.resize(wal.size() + 64);
  EXPECT_FALSE(writer->write(wal)) << "a record, then zeros";
  EXPECT_EQ(tail->position(), builder.end()) << "the record itself is right";
}

TEST_F(WriterTest, WhatIsFlushedFollowsOverSegments) {
  start_empty(begin());
  EXPECT_EQ(writer->flushed(), begin());
  for (int i = 0; i < 400; ++i) append(8000);
  ASSERT_TRUE(writer->write(take()));
  wait_for_flush();
  EXPECT_EQ(writer->flushed(), builder.end());
  EXPECT_FALSE(writer->flush_failure().has_value());
}

// Pages of a record that is not whole: durable like all that was written, and then not there.
TEST_F(WriterTest, WhatIsTakenBackIsNoLongerDurable) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  const Lsn proven = builder.end();
  append(1'200'000);
  const auto wal = take();
  const Lsn torn = identity.segment_size.start(SegmentNo{2}) + kPageBytes;
  ASSERT_TRUE(writer->write(std::span(wal).first(torn - proven)));
  wait_for_flush();
  ASSERT_EQ(writer->flushed(), torn);

  ASSERT_FALSE(writer->is_flushing());
  ASSERT_TRUE(writer->rewind());
  EXPECT_EQ(writer->proven(), proven);
  EXPECT_EQ(writer->flushed(), proven);
  EXPECT_FALSE(std::filesystem::exists(path(kFirst, 2)));
  const std::string text = runtime::format("1\t{}\tpromoted\n", proven);
  ASSERT_TRUE(writer->add_history_file(kSecond, text));
  ASSERT_TRUE(writer->prepare_timeline(kFirst, kSecond)) << "the heir has only whole records";

  ASSERT_TRUE(writer->write(wal));
  EXPECT_EQ(writer->flushed(), proven);
  wait_for_flush();
  EXPECT_EQ(writer->flushed(), builder.end());
}

TEST_F(WriterTest, AFailedFlushIsReportedAndTheLast) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  std::filesystem::remove(path(kFirst, 1));
  writer->request_flush();
  pollfd rung{.fd = doorbell.fd(), .events = POLLIN, .revents = 0};
  if (doorbell.prepare_to_sleep()) {
    ASSERT_EQ(::poll(&rung, 1, /*timeout_ms=*/10'000), 1);
  }
  ASSERT_TRUE(writer->flush_failure().has_value());
  EXPECT_EQ(writer->flush_failure()->kind->code, "58P01");
  EXPECT_EQ(writer->flushed(), begin());
}

TEST_F(WriterTest, WithoutADescriptorItIsToBeTriedAgain) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  append(3000);
  const auto small = take();
  for (int i = 0; i < 300; ++i) append(8000);
  const auto large = take();
  {
    const tests::NoDescriptors none;
    const auto unproven = writer->write(small);
    ASSERT_FALSE(unproven);
    EXPECT_TRUE(is_out_of_resources(unproven.error())) << unproven.error().what;
    EXPECT_EQ(unproven.error().kind->code, "53000");
    EXPECT_LT(writer->proven(), writer->end());
    const Lsn written = writer->end();
    const auto unwritten = writer->write(large);
    ASSERT_FALSE(unwritten);
    EXPECT_TRUE(is_out_of_resources(unwritten.error())) << unwritten.error().what;
    EXPECT_EQ(writer->end(), identity.segment_size.start(SegmentNo{2}));
    const auto rest = std::span(large).subspan(writer->end() - written);
    EXPECT_FALSE(writer->write(rest));
    EXPECT_FALSE(writer->rewind());
  }
  ASSERT_TRUE(writer->rewind());
  ASSERT_TRUE(writer->write(small));
  ASSERT_TRUE(writer->write(large));
  EXPECT_EQ(tail->position(), builder.end());
  EXPECT_EQ(writer->proven(), builder.end());
}

// One that has not begun is no failed flush.
TEST_F(WriterTest, AFlushWaitsForADescriptor) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  // UBSan wants descriptors of its own to look at a type that it meets for the first time.
  wait_for_flush();
  runtime::log::log("there are descriptors");
  for (int i = 0; i < 300; ++i) append(8000);
  ASSERT_TRUE(writer->write(take()));
  {
    tests::LogPipe log;
    const tests::NoDescriptors none;
    writer->request_flush();
    EXPECT_TRUE(log.wait_for("Too many open files; making WAL durable waits")) << log.said();
    EXPECT_TRUE(writer->is_flushing());
  }
  EXPECT_FALSE(writer->flush_failure().has_value());
  wait_for_flush();
  EXPECT_EQ(writer->flushed(), builder.end());
  EXPECT_FALSE(writer->flush_failure().has_value());
}

TEST_F(WriterTest, ItGoesOnWhereTheSpoolEnds) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  const Lsn end = builder.end();
  const Lsn last = builder.previous_record();
  append(40'000);
  const auto wal = take();
  ASSERT_TRUE(writer->write(std::span(wal).first(kPageBytes - end.page_offset())));
  resume(end, last);
  EXPECT_EQ(writer->end(), end);
  EXPECT_EQ(writer->flushed(), end) << "all that is there was made durable";
  EXPECT_EQ(directory.read(end, end + 100), std::vector<std::byte>(100)) << "the torn record";
  ASSERT_TRUE(writer->write(wal));
  EXPECT_EQ(tail->position(), builder.end());
}

TEST_F(WriterTest, ASpoolMayBeginWithinARecord) {
  append(1'500'000);  // over the whole of the first segment
  append(3000);
  const Lsn spool_begin = identity.segment_size.start(SegmentNo{2});
  const auto all = take();
  const auto wal = std::span(all).subspan(spool_begin - begin());
  start_empty(spool_begin);
  const std::size_t first = 10 * kPageBytes;
  ASSERT_TRUE(writer->write(wal.first(first)));
  EXPECT_EQ(writer->proven(), spool_begin) << "no record begins there yet";
  ASSERT_TRUE(writer->rewind());
  ASSERT_TRUE(writer->write(wal.first(first)));
  ASSERT_TRUE(writer->write(wal.subspan(first)));
  EXPECT_EQ(writer->proven(), builder.end());
  EXPECT_EQ(tail->position(), builder.end());
}

TEST_F(WriterTest, ASpoolThatBeginsWithinARecordGoesOnAfterACrash) {
  append(4'500'000);
  append(3000);
  const auto all = take();
  for (const std::uint64_t begin_segment : {2u, 3u}) {
    const Lsn spool_begin = identity.segment_size.start(SegmentNo{begin_segment});
    start_empty(spool_begin);
    const auto wal = std::span(all).subspan(spool_begin - begin());
    ASSERT_TRUE(writer->write(wal.first(1'200'000 / kPageBytes * kPageBytes)));
    ASSERT_EQ(writer->proven(), spool_begin);
    const auto inventory = take_inventory(directory.path());
    ASSERT_TRUE(inventory);
    const auto end = find_end_of_wal(directory.path(), *inventory);
    ASSERT_TRUE(end);
    resume(end->end, end->last_record);
    ASSERT_TRUE(writer->write(wal.subspan(writer->end() - spool_begin)));
    EXPECT_EQ(tail->position(), begin() + all.size());
    for (std::uint64_t no = 1; no < 8; ++no) std::filesystem::remove(path(kFirst, no));
  }
}

TEST_F(WriterTest, ANewTimelineBeginsWithItsParentsBytes) {
  start_empty(begin());
  append(30'000);
  ASSERT_TRUE(writer->write(take()));
  wait_for_flush();
  const Lsn fork = builder.end();
  const std::string text = runtime::format("1\t{}\tpromoted\n", fork);
  ASSERT_TRUE(writer->add_history_file(kSecond, text));
  ASSERT_TRUE(writer->prepare_timeline(kFirst, kSecond));
  tail->adopt({*TimelineHistory::parse(kSecond, text), {{kSecond, text}}});
  ASSERT_TRUE(writer->follow_timeline());
  WalBuilder child(identity, kSecond, fork, builder.previous_record());
  child.append_noop(filling(20'000));
  ASSERT_TRUE(writer->write(child.bytes()));
  EXPECT_EQ(tail->position(), child.end());
  wait_for_flush();

  const auto beginning = directory.read(begin(), fork);
  std::ifstream file(path(kSecond, 1), std::ios::binary);
  std::vector<std::byte> copied(beginning.size());
  file.read(reinterpret_cast<char*>(copied.data()), static_cast<std::streamsize>(copied.size()));
  EXPECT_EQ(copied, beginning);
  EXPECT_EQ(read_history_files(directory.path())->at(kSecond), text);
}

TEST_F(WriterTest, OldSegmentsGoAndWhatIsNeededStays) {
  Lsn required;
  options.retention.wal_keep_bytes = 1 << 20;
  options.retention.required_lsn = [&required] { return required; };
  start_empty(begin());
  const auto grow_to = [&](std::uint64_t segment) {
    while (builder.end() < identity.segment_size.start(SegmentNo{segment})) {
      append(8000);
      ASSERT_TRUE(writer->write(take()));
      wait_for_flush();
    }
  };
  required = identity.segment_size.start(SegmentNo{2}) + 5;
  grow_to(6);
  EXPECT_FALSE(std::filesystem::exists(path(kFirst, 1)));
  EXPECT_TRUE(std::filesystem::exists(path(kFirst, 2))) << "a slot needs it";
  required = Lsn();
  grow_to(8);
  EXPECT_FALSE(std::filesystem::exists(path(kFirst, 5)));
  EXPECT_TRUE(std::filesystem::exists(path(kFirst, 7)));
}

}  // namespace
}  // namespace server::wal
