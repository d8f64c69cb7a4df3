#include <gtest/gtest.h>
#include <jemalloc/jemalloc.h>

#include "tests/stream/sender_rig.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

// In steady streaming nothing is allocated: not by the sender, and not by the loop and the session
// around it. jemalloc counts, thread by thread.

namespace tests {

using server::stream::kChunkBytesMax;
using server::wal::Lsn;
using server::wal::TimelineId;

namespace {

// Where jemalloc counts the bytes that the calling thread has ever allocated.
const std::uint64_t* allocated_by_this_thread() {
  std::uint64_t* counter = nullptr;
  std::size_t size = sizeof(counter);
  CHECK(::mallctl("thread.allocatedp", &counter, &size, nullptr, 0) == 0);
  return counter;
}

// A counter that another thread writes.
std::uint64_t read(const std::uint64_t* counter) {
  return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

TEST(NoAllocTest, TheCounterCounts) {
  const std::uint64_t* counter = allocated_by_this_thread();
  const std::uint64_t before = *counter;
  const auto made = std::make_unique<std::string>(1000, 'x');
  EXPECT_GE(*counter - before, 1000u) << made->size();
}

// What the turns of the loop allocate, and nothing of what the test does between them.
struct Turns {
  explicit Turns(SenderRig& of) : rig(of) {}
  void turn() {
    const std::uint64_t before = *counter;
    rig.loop.turn_for_test();
    allocated += *counter - before;
  }
  SenderRig& rig;
  const std::uint64_t* counter = allocated_by_this_thread();
  std::uint64_t allocated = 0;
};

TEST(NoAllocTest, CatchingUpInPreparedSegmentsAllocatesNothing) {
  for (const std::uint32_t copy_bytes_max : {0u, kChunkBytesMax}) {
    SenderRig rig;
    rig.fill(6 << 20);
    Standby& first = rig.add();
    first.sender.start(TimelineId{1}, rig.begin());
    ASSERT_TRUE(rig.stream_to(first, rig.end()));
    for (int i = 0; i < 30; ++i) rig.add({.copy_bytes_max = copy_bytes_max});

    Turns turns(rig);
    std::uint64_t messages = 0;
    for (const auto& standby : rig.standbys) {
      if (standby->sender.active()) continue;
      standby->sender.start(TimelineId{1}, rig.begin());
      while (standby->sender.sent() < rig.end() || standby->connection.blocked()) {
        turns.turn();
        while (standby->receive()) {
        }
        messages += standby->messages.size();
        standby->messages.clear();
      }
    }
    EXPECT_GT(messages, 1000u);
    EXPECT_EQ(turns.allocated, 0u) << copy_bytes_max;
  }
}

// A whole worker with its thread, and clients that acknowledge what they get, the first to a slot.
struct WorkerTest : ::testing::TestWithParam<std::uint32_t> {
  WorkerTest() {
    builder.append_noop(filling(1000));
    directory.write(builder);
    builder.clear();
    server.serve(identity.segment_size.start(server::wal::SegmentNo{1}), builder.end());
    for (int i = 0; i < 4; ++i) {
      auto& client = *clients.emplace_back(std::make_unique<TestClient>(server.port()));
      EXPECT_TRUE(client.start_up());
      client.send(i > 0 ? start_replication(builder.end()) : start_with_slot(client));
      EXPECT_EQ(client.next().type, 'W');
    }
  }
  std::string start_with_slot(TestClient& client) const {
    client.send(query("CREATE_REPLICATION_SLOT s TEMPORARY PHYSICAL RESERVE_WAL"));
    client.until('Z');
    return query("START_REPLICATION SLOT s PHYSICAL " + to_string(builder.end()) + " TIMELINE 1");
  }
  // New WAL, which every client gets and acknowledges before there is more.
  void stream(int spans, std::uint64_t bytes) {
    for (int i = 0; i < spans; ++i) {
      const Lsn begin = builder.end();
      while (builder.end() < begin + bytes) builder.append_noop(filling(bytes > 3000 ? 3000 : 100));
      directory.write(builder);
      builder.clear();
      server.publish(builder.end());
      for (const auto& client : clients) {
        ASSERT_EQ(client->wal(builder.end() - begin).size(), builder.end() - begin);
        client->send(status(builder.end(), /*reply_requested=*/i % 10 == 0) + feedback(700));
      }
    }
  }
  // The worker's counter, once it has done all that was asked of it before.
  const std::uint64_t* counter() {
    const std::uint64_t* found = nullptr;
    server.run_in_worker([&found] { found = allocated_by_this_thread(); });
    return found;
  }

  // One large segment: opening the next one is a job for the pool, which is made on the heap.
  server::wal::Identity identity = identity_of(64);
  WalDirectory directory{TimelineId{1}, identity.segment_size};
  server::wal::WalBuilder builder = builder_of(identity);
  TestServer server{directory.path(), identity, {}};
  std::vector<std::unique_ptr<TestClient>> clients;
};

TEST_P(WorkerTest, LiveStreamingAllocatesNothing) {
  const bool small = GetParam() < 16 * 1024;
  stream(50, GetParam());
  const std::uint64_t* allocated = counter();
  stream(20, GetParam());
  const std::uint64_t before = read(allocated);
  stream(small ? 1000 : 250, GetParam());
  EXPECT_EQ(read(allocated), before);
}

// By sendmsg, and by sendfile.
INSTANTIATE_TEST_SUITE_P(Spans, WorkerTest, ::testing::Values(300u, 60'000u));

}  // namespace

}  // namespace tests
