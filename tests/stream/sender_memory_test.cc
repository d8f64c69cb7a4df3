#include <gtest/gtest.h>

#include <algorithm>

#include "server/stream/chunk.h"
#include "server/stream/memory_budget.h"
#include "tests/stream/sender_rig.h"

// Streams of a loop whose memory for clients is all taken, by others and for as long as they last.

namespace tests {

using server::stream::kChunkBytesMax;
using server::stream::MemoryBudget;
using server::wal::kPageBytes;
using server::wal::Lsn;
using server::wal::TimelineId;

namespace {

constexpr std::uint64_t kMb = 1 << 20;
constexpr TimelineId kFirst{1};

struct SenderMemoryTest : ::testing::Test {
  SenderMemoryTest() {
    rig.fill(3 * kMb);
    budget.change(0, kMb);
  }

  // One that reads little at a time, so that its socket is full most of the time.
  Standby& start(std::uint32_t copy_bytes_max) {
    Standby& standby =
        rig.add({.copy_bytes_max = copy_bytes_max}, /*send_buffer_bytes=*/4096, &budget);
    standby.sender.start(kFirst, rig.begin());
    return standby;
  }
  void hold_nothing() {
    rig.tail.hold_from(Lsn::max());
    rig.tail.announce(rig.clock.now());
    rig.loop.turn_for_test();
  }
  // Until it has all WAL, and its stream has been ended by its wish.
  void stream_to_its_end(Standby& standby) {
    ASSERT_TRUE(rig.turn_until([&] {
      standby.receive(/*bytes_max=*/5000);
      EXPECT_LE(budget.used(), kMb + MemoryBudget::kShareBytes);
      return standby.lost || standby.failure ||
             standby.sender.state() == server::stream::Sender::State::kStreaming;
    }));
    EXPECT_FALSE(standby.lost.has_value()) << *standby.lost;
    EXPECT_FALSE(standby.failure.has_value()) << standby.failure->what;
    standby.sender.on_copy_done();
    ASSERT_TRUE(rig.turn_until([&] {
      standby.receive();
      return standby.ended;
    }));
    EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
  }
  static std::size_t longest_message(const Standby& standby) {
    std::size_t longest = 0;
    for (const Message& message : standby.messages) {
      if (const auto data = xlog_data(message)) longest = std::max(longest, data->wal.size());
    }
    return longest;
  }

  MemoryBudget budget{kMb};
  SenderRig rig;
};

TEST_F(SenderMemoryTest, AStreamOfCopiesThatMustBeKeptGoesOnPageByPage) {
  hold_nothing();
  Standby& standby = start(kChunkBytesMax);
  stream_to_its_end(standby);
  EXPECT_LE(longest_message(standby), kPageBytes);
  EXPECT_EQ(budget.used() - standby.memory->counted(), kMb);
}

// What is held needs no memory, so its messages are as long as ever.
TEST_F(SenderMemoryTest, StreamsOfHeldFilesAreAsTheyAre) {
  for (const std::uint32_t copy_bytes_max : {std::uint32_t{0}, kChunkBytesMax}) {
    Standby& standby = start(copy_bytes_max);
    stream_to_its_end(standby);
    EXPECT_EQ(longest_message(standby), kChunkBytesMax);
  }
}

TEST_F(SenderMemoryTest, MessagesAreLongAgainWhenThereIsMemory) {
  hold_nothing();
  Standby& standby = start(kChunkBytesMax);
  ASSERT_TRUE(rig.turn_until([&] {
    standby.receive(/*bytes_max=*/5000);
    return standby.sender.sent() > rig.begin() + kMb;
  }));
  EXPECT_LE(longest_message(standby), kPageBytes);
  budget.change(kMb, 0);
  ASSERT_TRUE(rig.stream_to(standby, rig.end()));
  EXPECT_EQ(longest_message(standby), kChunkBytesMax);
  EXPECT_EQ(standby.wal(), rig.wal(rig.begin(), rig.end()));
}

// A long message of a file that was held, and is not any more before all of it is out: what is left
// of it may be neither read later nor kept now.
TEST_F(SenderMemoryTest, AMessageThatCanBeKeptNoMoreEndsItsStream) {
  Standby& standby = start(kChunkBytesMax);
  ASSERT_TRUE(rig.turn_until([&] { return standby.connection.blocked(); }));
  ASSERT_TRUE(standby.sender.in_message());
  hold_nothing();
  ASSERT_TRUE(rig.turn_until([&] {
    standby.receive(/*bytes_max=*/5000);
    return standby.lost.has_value();
  }));
  EXPECT_EQ(*standby.lost, "out of memory for the messages of clients");
  EXPECT_FALSE(standby.sender.active());
}

// The same of a file that is removed, or that more than a few streams would keep open.
TEST_F(SenderMemoryTest, AMessageWhoseFileIsWantedEndsItsStream) {
  Standby& standby = start(kChunkBytesMax);
  ASSERT_TRUE(rig.turn_until([&] { return standby.connection.blocked(); }));
  rig.view.forget(rig.segment(1));
  ASSERT_TRUE(rig.turn_until([&] { return standby.lost.has_value(); }));
  EXPECT_EQ(*standby.lost, "out of memory for the messages of clients");
}

}  // namespace
}  // namespace tests
