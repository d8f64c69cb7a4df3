#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "server/wal/directory_pages.h"
#include "server/wal/reader.h"
#include "server/wal/second_look.h"
#include "server/wal/wrong_records.h"
#include "tests/support/disk_calls.h"
#include "tests/wal/segments_rig.h"
#include "tests/wal/span_taker.h"

// A long record that is wrong, and that all standbys which wait for its repair ask for again and
// again.

namespace tests {

using server::wal::Lsn;
using server::wal::Outcome;
using server::wal::RecordSpan;
using server::wal::SecondLook;
using server::wal::WrongRecord;
using server::wal::WrongRecords;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kMb = 1 << 20;

// Writes into a file, in a later tick of the clock by which files are stamped.
void flip_later(WalDirectory& directory, Lsn lsn, const std::string& path) {
  directory.flip(lsn);
  const auto before = std::filesystem::last_write_time(path);
  std::filesystem::last_write_time(path, before + seconds(1));
}

TEST(SecondLookTest, ThePauseIsAMultipleOfWhatTheReadingTook) {
  const runtime::Instant ended{seconds(100)};
  const SecondLook look(ended, milliseconds(10));
  EXPECT_FALSE(look.is_due_if_changed(ended + milliseconds(39)));
  EXPECT_TRUE(look.is_due_if_changed(ended + milliseconds(40)));
  EXPECT_FALSE(look.is_due(ended + milliseconds(999)));
  EXPECT_TRUE(look.is_due(ended + milliseconds(1000)));
}

TEST(SecondLookTest, AQuickReadingIsRepeatedAtWill) {
  const runtime::Instant ended{seconds(100)};
  EXPECT_TRUE(SecondLook(ended, milliseconds(1)).is_due(ended));
  EXPECT_TRUE(SecondLook(ended, milliseconds(1)).is_due_if_changed(ended));
}

// In segments 1 and 2 of 4 MB each.
struct WrongRecordTest : SlicesTest {
  WrongRecordTest() {
    grow(kMb / 2);
    huge = builder.append_noop(filling(6u << 20));
    write();
    grow(3 * kMb);
    directory.flip(huge.end - 5);
    clock.step = milliseconds(10);
  }

  // Asks for all slices that have a byte of it.
  void expect_stopped() {
    for (Lsn lsn = begin(); lsn < huge.end; lsn += kMb) {
      const auto ready = prepared(lsn);
      EXPECT_TRUE(ready.stopped) << to_string(lsn);
      EXPECT_LE(ready.proven_to, huge.begin) << to_string(lsn);
      EXPECT_GT(ready.proven_to, begin()) << to_string(lsn);
    }
  }
  // For a reading of one step of the clock, as all here are.
  static constexpr milliseconds kPauseIfChanged = milliseconds(10) * SecondLook::kPausesIfChanged;
  std::uint64_t proofs() const { return segments.proofs_for_test(); }

  RecordSpan huge;
};

TEST_F(WrongRecordTest, ItIsReadOnceForAllItsSlicesAndForAllThatAskAgain) {
  expect_stopped();
  EXPECT_EQ(proofs(), 1u);
  for (int i = 0; i < 3; ++i) expect_stopped();
  EXPECT_EQ(proofs(), 2u) << "what lies before it in its first slice";
  EXPECT_FALSE(prepared(slice(7)).stopped);
}

// A page that does not say that it continues the record parts it: what lies behind is led to its
// begin by its length only.
TEST_F(WrongRecordTest, TheSlicesBehindAZeroPageOfItAreReadOnceEachToo) {
  directory.flip(huge.end - 5);
  for (const Lsn page : {slice(3) + kMb / 2, slice(4)}) {
    const std::vector<std::byte> before = directory.read(page, page + server::wal::kPageBytes);
    directory.write(page, std::vector<std::byte>(before.size()));
    const std::uint64_t begun = proofs();
    expect_stopped();
    EXPECT_EQ(proofs() - begun, 4u) << "for slices 0 to 3, and for each behind them";
    expect_stopped();
    EXPECT_EQ(proofs() - begun, 5u) << "what lies before it in its first slice";
    for (int i = 0; i < 3; ++i) expect_stopped();
    EXPECT_EQ(proofs() - begun, 5u);
    directory.write(page, before);
    for (const std::uint64_t no : {1, 2}) segments.forget(segment(no));
  }
  EXPECT_FALSE(prepared(slice(5)).stopped);
}

// Which has the slices that were read for their own sake, but no page of the record before them.
TEST_F(WrongRecordTest, BehindAZeroPageTooItIsReadAgainWhenAFileIsWrittenTo) {
  const Lsn page = slice(3);
  directory.flip(huge.end - 5);
  const std::vector<std::byte> before = directory.read(page, page + server::wal::kPageBytes);
  directory.write(page, std::vector<std::byte>(before.size()));
  expect_stopped();
  const std::uint64_t begun = proofs();
  EXPECT_TRUE(prepared(slice(6)).stopped);
  EXPECT_EQ(proofs(), begun);
  flip_later(directory, huge.end - 5, path(2));
  clock.advance(kPauseIfChanged);
  EXPECT_TRUE(prepared(slice(6)).stopped);
  EXPECT_EQ(proofs(), begun + 1);
}

TEST_F(WrongRecordTest, ItIsReadAgainWhenAFileOfItIsWrittenTo) {
  EXPECT_TRUE(prepared(begin()).stopped);
  flip_later(directory, huge.end - 5, path(2));
  EXPECT_TRUE(prepared(begin()).stopped) << "not at once";
  clock.advance(kPauseIfChanged);
  for (Lsn lsn = begin(); lsn < huge.end; lsn += kMb) EXPECT_FALSE(prepared(lsn).stopped);
}

TEST_F(WrongRecordTest, ItIsReadAgainWhenAFileOfItIsAnother) {
  EXPECT_TRUE(prepared(begin()).stopped);
  directory.flip(huge.end - 5);
  directory.replace(segment(2));
  EXPECT_TRUE(prepared(slice(1)).stopped) << "not at once";
  clock.advance(kPauseIfChanged);
  EXPECT_FALSE(prepared(slice(1)).stopped);
}

TEST_F(WrongRecordTest, ItIsReadAgainWhenAChangeOfItsFilesIsReported) {
  expect_stopped();
  segments.forget(segment(3));
  expect_stopped();
  EXPECT_EQ(proofs(), 2u) << "that is none of its files";
  segments.forget(segment(1));
  expect_stopped();
  EXPECT_EQ(proofs(), 3u);
}

// A disk may be repaired below the file system.
TEST_F(WrongRecordTest, ItIsReadAgainAfterAWhile) {
  expect_stopped();
  const auto written = std::filesystem::last_write_time(path(2));
  directory.flip(huge.end - 5);
  std::filesystem::last_write_time(path(2), written);
  EXPECT_TRUE(prepared(slice(1)).stopped);
  clock.advance(milliseconds(10) * (SecondLook::kPausesIfNot + 1));
  EXPECT_FALSE(prepared(slice(1)).stopped);
}

TEST_F(WrongRecordTest, OneThatIsReadQuicklyIsReadEachTime) {
  clock.step = milliseconds(0);
  expect_stopped();
  EXPECT_GE(proofs(), 7u);
}

TEST(WrongRecordsTest, OneThatHasChangedWhileItWasReadIsNotKept) {
  const auto record = [](std::uint64_t begin) {
    return WrongRecord{.begin = Lsn(begin),
                       .read_to = Lsn(begin + 100),
                       .fault = {},
                       .files = {},
                       .again = SecondLook({}, seconds(1))};
  };
  WrongRecords records;
  const std::uint64_t begun = records.begin();
  records.forget(server::wal::SegmentNo{1});
  records.add(begun, record(1000));
  EXPECT_FALSE(records.find(Lsn(0), Lsn(2000)));
  records.add(records.begin(), record(1000));
  EXPECT_TRUE(records.find(Lsn(0), Lsn(1001)));
  EXPECT_TRUE(records.find(Lsn(1099), Lsn(2000)));
  EXPECT_FALSE(records.find(Lsn(0), Lsn(1000)));
  EXPECT_FALSE(records.find(Lsn(1100), Lsn(2000)));
}

// The reader that follows the WAL is asked to read on by each event of the directory.
struct WrongTailTest : ::testing::Test, GrowingWal {
  WrongTailTest() : GrowingWal(4) {
    tail.adopt({server::wal::TimelineHistory(server::wal::TimelineId{1}), {}});
    grow(kMb / 2);
    huge = builder.append_noop(filling(6u << 20));
    builder.append_switch();
    write();
    directory.flip(huge.end - 5);
    clock.step = milliseconds(10);
    reader.seek(begin(), Lsn());
    EXPECT_EQ(reader.advance(), Outcome::kInvalid);
  }

  // How often a file is read while the reader looks once more.
  int reads(Outcome expected) {
    int reads = 0;
    const DiskHook hook(directory.path(), [&](const DiskCall& call) {
      reads += call.name == "pread" ? 1 : 0;
      return 0;
    });
    EXPECT_EQ(reader.advance(), expected);
    return reads;
  }

  TickingClock clock;
  server::wal::WalTail tail;
  SpanTaker loop{tail};
  server::wal::DirectoryPages pages{directory.path(), identity.segment_size};
  server::wal::Reader reader{pages, identity, clock, tail};
  RecordSpan huge;
};

TEST_F(WrongTailTest, ItIsNotReadAgainForWalThatComesBehindIt) {
  const std::string fault = reader.fault().what;
  EXPECT_EQ(fault, "incorrect resource manager data checksum in record at " +
                       to_string(reader.fault().lsn));
  for (int i = 0; i < 5; ++i) {
    grow(kMb / 4);
    clock.advance(milliseconds(50));
    EXPECT_EQ(reads(Outcome::kInvalid), 0);
    EXPECT_EQ(reader.fault().what, fault);
  }
}

TEST_F(WrongTailTest, ItIsReadAgainOnceAFileOfItIsWrittenTo) {
  flip_later(directory, huge.end - 5, path(2));
  EXPECT_EQ(reads(Outcome::kInvalid), 0) << "not at once";
  clock.advance(seconds(1));
  EXPECT_GT(reads(Outcome::kEndOfWal), 0);
  EXPECT_EQ(reader.position(), end());
}

TEST_F(WrongTailTest, ItIsReadAgainAfterAWhile) {
  clock.advance(seconds(60));
  EXPECT_GT(reads(Outcome::kInvalid), 0);
  EXPECT_EQ(reads(Outcome::kInvalid), 0);
}

TEST_F(WrongTailTest, AReaderThatIsSentElsewhereReads) {
  reader.restart(reader.position());
  EXPECT_GT(reads(Outcome::kInvalid), 0);
}

}  // namespace
}  // namespace tests
