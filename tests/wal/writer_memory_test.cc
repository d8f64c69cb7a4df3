#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>
#include <span>
#include <vector>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "server/wal/writer.h"
#include "tests/support/no_descriptors.h"
#include "tests/support/random_seed.h"
#include "tests/wal/writer_rig.h"

// What a spool is fed is proven from the bytes in hand, and is what its files have.

namespace server::wal {
namespace {

using tests::filling;

using WriterMemoryTest = WriterRig;

// Within a segment nothing is opened, so nothing is read back: what is proven is what came.
TEST_F(WriterMemoryTest, WhatCameIsProvenFromMemory) {
  if (!tests::NoDescriptors::kPossible) GTEST_SKIP() << "the sanitizers need descriptors";
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  const tests::NoDescriptors none;
  for (const std::size_t size : {30u, 300u, 7000u, 9000u, 100'000u}) {
    append(size);
    ASSERT_TRUE(writer->write(take()));
    EXPECT_EQ(tail->position(), builder.end());
  }
}

// The page on which it goes on is in the file, and is read when it is needed first.
TEST_F(WriterMemoryTest, AfterARestartItNeedsADescriptorOnce) {
  if (!tests::NoDescriptors::kPossible) GTEST_SKIP() << "the sanitizers need descriptors";
  start_empty(begin());
  append(12'000);
  ASSERT_TRUE(writer->write(take()));
  resume(builder.end(), builder.previous_record());
  append(3000);
  const auto wal = take();
  {
    const tests::NoDescriptors none;
    const auto unproven = writer->write(wal);
    ASSERT_FALSE(unproven);
    EXPECT_TRUE(runtime::is_out_of_resources(unproven.error())) << unproven.error().what;
    EXPECT_EQ(writer->end(), builder.end());
    EXPECT_EQ(writer->proven(), builder.end() - wal.size());
  }
  ASSERT_TRUE(writer->write({})) << "the same again: nothing is left to write, all to prove";
  EXPECT_EQ(tail->position(), builder.end());
  append(3000);
  const tests::NoDescriptors none;
  ASSERT_TRUE(writer->write(take()));
}

// The reader waited for the bytes that a file has lost as for WAL that is to come.
TEST_F(WriterMemoryTest, AFileThatHasLostWhatWasWrittenIsAnError) {
  start_empty(begin());
  append(12'000);
  ASSERT_TRUE(writer->write(take()));
  for (const std::uintmax_t size : {100u, 9000u}) {
    resume(builder.end(), builder.previous_record());
    std::filesystem::resize_file(path(kFirst, 1), size);
    const auto unproven = writer->write({});
    ASSERT_FALSE(unproven) << "it has " << size << " bytes";
    EXPECT_EQ(unproven.error().kind, &runtime::kIoError) << unproven.error().what;
    EXPECT_EQ(unproven.error().sys_errno, EIO) << "a relay tells a broken disk by it";
  }
}

// Another primary has other WAL from where ours was proven.
TEST_F(WriterMemoryTest, AfterARewindAnotherRecordMayComeInThePlaceOfAnUnfinishedOne) {
  start_empty(begin());
  append(3000);
  ASSERT_TRUE(writer->write(take()));
  const Lsn proven = builder.end();
  WalBuilder other(identity, kFirst, proven, builder.previous_record());
  append(40'000);
  const auto unfinished = take();
  const std::size_t pages = kPageBytes - proven.page_offset() + 2 * kPageBytes;
  ASSERT_TRUE(writer->write(std::span(unfinished).first(pages)));
  ASSERT_EQ(writer->proven(), proven);
  ASSERT_TRUE(writer->take_back(writer->proven()));
  other.append_noop(filling(20'000));
  other.append_noop(filling(50));
  ASSERT_TRUE(writer->write(other.bytes()));
  EXPECT_EQ(tail->position(), other.end());
}

// Messages end anywhere, and now and then the server is started again or its primary is lost.
TEST_F(WriterMemoryTest, HoweverWalIsCutItIsProvenToTheLastWholeRecord) {
  std::mt19937 random(tests::random_seed());
  const auto up_to = [&random](std::size_t max) {
    return std::uniform_int_distribution<std::size_t>(1, max)(random);
  };
  struct Whole {
    Lsn end;
    Lsn begin;
  };
  std::vector<Whole> records;
  const auto note = [&] { records.push_back({builder.end(), builder.previous_record()}); };
  for (int i = 0; i < 400; ++i) {
    append(50 + up_to(random() % 8 == 0 ? 60'000 : 4000));
    note();
    if (i % 97 == 50) {
      builder.append_switch();
      note();
    }
  }
  const auto all = take();
  start_empty(begin());
  tail->publish(begin(), begin(), clock.now());  // as a relay does
  Whole last{begin(), Lsn()};
  auto next = records.begin();
  while (writer->end() < builder.end()) {
    const std::size_t at = writer->end() - begin();
    const std::size_t size = std::min(up_to(random() % 4 == 0 ? 200'000 : 9000), all.size() - at);
    ASSERT_TRUE(writer->write(std::span(all).subspan(at, size)));
    for (; next != records.end() && next->end <= writer->end(); ++next) last = *next;
    ASSERT_EQ(writer->proven(), last.end) << "of " << server::wal::to_string(writer->end());
    ASSERT_EQ(tail->position(), last.end);
    if (random() % 8 == 0) {
      ASSERT_TRUE(writer->take_back(writer->proven()));
    } else if (random() % 8 == 0 && last.begin.valid()) {
      resume(last.end, last.begin);
      tail->publish(last.end, last.end, clock.now());
    }
  }
  EXPECT_EQ(directory.read(begin(), builder.end()), all);
}

}  // namespace
}  // namespace server::wal
