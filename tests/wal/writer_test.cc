#include "server/wal/writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "server/wal/inventory.h"
#include "tests/support/disk_calls.h"
#include "tests/support/no_descriptors.h"
#include "tests/wal/writer_rig.h"

// A spool that is fed: what is proven, published, taken back and kept.

namespace server::wal {
namespace {

using tests::filling;

using WriterTest = WriterRig;

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

  ASSERT_TRUE(writer->take_back(writer->proven()));
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
  ASSERT_TRUE(writer->take_back(writer->proven()));
  append(3000);
  auto wal = take();
  wal.resize(wal.size() + 64);
  EXPECT_FALSE(writer->write(wal)) << "a record, then zeros";
  EXPECT_EQ(tail->position(), builder.end()) << "the record itself is right";
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
  ASSERT_TRUE(writer->take_back(writer->proven()));
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

TEST_F(WriterTest, WithoutADescriptorItIsToBeTriedAgain) {
  if (!tests::NoDescriptors::kPossible) GTEST_SKIP() << "the sanitizers need descriptors";
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  const Lsn proven = builder.end();
  for (int i = 0; i < 300; ++i) append(8000);
  const auto wal = take();
  {
    const tests::NoDescriptors none;
    const auto unwritten = writer->write(wal);
    ASSERT_FALSE(unwritten);
    EXPECT_TRUE(runtime::is_out_of_resources(unwritten.error())) << unwritten.error().what;
    EXPECT_EQ(unwritten.error().kind->code, "53000");
    EXPECT_EQ(writer->end(), identity.segment_size.start(SegmentNo{2}));
    EXPECT_GT(writer->proven(), proven) << "what the first segment took";
    EXPECT_EQ(tail->position(), writer->proven());
    EXPECT_FALSE(writer->write(std::span(wal).subspan(writer->end() - proven)));
    EXPECT_FALSE(writer->take_back(writer->proven()));
  }
  ASSERT_TRUE(writer->take_back(writer->proven()));
  ASSERT_TRUE(writer->write(std::span(wal).subspan(writer->proven() - proven)));
  EXPECT_EQ(tail->position(), builder.end());
  EXPECT_EQ(writer->proven(), builder.end());
}

TEST_F(WriterTest, ASpoolSaysWhatItHolds) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  const auto held = holds.list();
  ASSERT_EQ(held.size(), 2u);
  EXPECT_EQ(held[0].why, "WAL is not on disk behind this");
  EXPECT_EQ(held[0].from, begin() - 1) << "the last byte that is";
  EXPECT_EQ(held[1].why, "WAL is not proven from here on");
  EXPECT_EQ(held[1].from, builder.end());
  writer.reset();
  EXPECT_TRUE(holds.list().empty());
}

TEST_F(WriterTest, PositionsOutOfTheirOrderAreABug) {
  EXPECT_DEATH(SpoolPositions({.written = Lsn(1), .proven = Lsn(2), .flushed = Lsn(1)}), "proven");
  EXPECT_DEATH(SpoolPositions({.written = Lsn(1), .proven = Lsn(1), .flushed = Lsn(2)}), "flushed");
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

TEST_F(WriterTest, ItGoesOnBehindThePagesOfARecord) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  const Lsn end = builder.end();
  append(3'000'000);
  const auto wal = take();
  const Lsn torn = identity.segment_size.start(SegmentNo{3}) + 5 * kPageBytes;
  ASSERT_TRUE(writer->write(std::span(wal).first(torn - end)));
  wait_for_flush();
  const auto inventory = take_inventory(directory.path());
  ASSERT_TRUE(inventory);
  const auto found = find_end_of_wal(directory.path(), *inventory);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->end, end);
  EXPECT_EQ(found->incomplete_to, torn);
  EXPECT_FALSE(found->stopped_by.has_value()) << found->stopped_by->what;

  make({TimelineHistory(kFirst), {}});
  ASSERT_TRUE(writer->start(found->end, found->last_record, found->incomplete_to));
  EXPECT_EQ(writer->end(), torn);
  EXPECT_EQ(writer->proven(), end);
  EXPECT_EQ(writer->flushed(), torn);
  const Lsn again = identity.segment_size.start(SegmentNo{3});
  std::vector<std::string> calls;
  {
    const tests::DiskHook hook(directory.path(), [&](const tests::DiskCall& call) {
      calls.push_back(call.text());
      return 0;
    });
    ASSERT_TRUE(writer->take_back(again));
  }
  const auto gone = std::find(calls.begin(), calls.end(), "unlink 000000010000000000000003");
  ASSERT_NE(gone, calls.end());
  EXPECT_NE(std::find(gone, calls.end(), "fsync ."), calls.end()) << "or it may come back";
  EXPECT_EQ(writer->end(), again);
  EXPECT_EQ(writer->flushed(), again);
  ASSERT_TRUE(writer->write(std::span(wal).subspan(again - end)));
  EXPECT_EQ(writer->proven(), builder.end());
  EXPECT_EQ(directory.read(end, builder.end()), wal);
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
  ASSERT_TRUE(writer->take_back(writer->proven()));
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
  EXPECT_EQ(Directory(directory.path()).read_histories()->at(kSecond), text);
}

TEST_F(WriterTest, AFileOfAPromotionThatCameToNothingIsSetAside) {
  start_empty(begin());
  append(30'000);
  ASSERT_TRUE(writer->write(take()));
  wait_for_flush();
  std::ofstream(path(kSecond, 1)) << "of another promotion";
  ASSERT_TRUE(writer->prepare_timeline(kFirst, kSecond));
  const std::string name = segment_name(kSecond, SegmentNo{1}, identity.segment_size);
  std::ifstream aside(directory.path() + "/set_aside/" + name + ".00000000");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(aside), {}), "of another promotion");
}

TEST_F(WriterTest, OldSegmentsGoAndWhatIsNeededStays) {
  options.retention.wal_keep_bytes = 1 << 20;
  holds.add(slots);
  start_empty(begin());
  const auto grow_to = [&](std::uint64_t segment) {
    while (builder.end() < identity.segment_size.start(SegmentNo{segment})) {
      append(8000);
      ASSERT_TRUE(writer->write(take()));
      wait_for_flush();
    }
  };
  slots.required.store(identity.segment_size.start(SegmentNo{2}) + 5);
  grow_to(6);
  EXPECT_FALSE(std::filesystem::exists(path(kFirst, 1)));
  EXPECT_TRUE(std::filesystem::exists(path(kFirst, 2))) << "a slot needs it";
  slots.required.store(Lsn());
  grow_to(8);
  EXPECT_FALSE(std::filesystem::exists(path(kFirst, 5)));
  EXPECT_TRUE(std::filesystem::exists(path(kFirst, 7)));
}

// Another primary may be behind the one that a spool without WAL began for.
TEST_F(WriterTest, AnEmptySpoolBeginsElsewhereThoughItsDirectoryCannotBeListed) {
  start_empty(identity.segment_size.start(SegmentNo{5}));
  {
    std::filesystem::rename(directory.path(), directory.path() + ".away");
    EXPECT_FALSE(writer->start_empty(begin()));
    EXPECT_EQ(writer->positions().flushed(), begin()) << "and these are in order";
    std::filesystem::rename(directory.path() + ".away", directory.path());
  }
  ASSERT_TRUE(writer->start_empty(begin()));
  EXPECT_TRUE(writer->empty());
  append(100);
  ASSERT_TRUE(writer->write(take()));
  EXPECT_EQ(writer->proven(), builder.end());
}

TEST_F(WriterTest, AWriterNeedsToKnowWhatHoldsWal) {
  options.retention.holds = nullptr;
  tail = std::make_unique<WalTail>();
  EXPECT_DEATH(writer.emplace(options, clock, *tail, doorbell), "CHECK");
}

}  // namespace
}  // namespace server::wal
