// Many sessions at once on the slots of one server, and a checkpointer; run under tsan.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/slot/slots.h"
#include "tests/slot/said.h"
#include "tests/support/random_seed.h"
#include "tests/support/temp_dir.h"

namespace server::slot {
namespace {

using tests::said;
using wal::Lsn;

constexpr std::size_t kNames = 6;
constexpr Lsn kPinned{0x1000};  // of a slot that stays all the time; no other is older

std::string name_of(std::size_t index) { return "slot_" + std::to_string(index); }

// One session after the other: each does something random to a slot, and then ends.
class Sessions {
 public:
  Sessions(Slots& slots, std::array<std::atomic<int>, kNames>& holders, std::uint32_t seed)
      : slots_(slots), holders_(holders), random_(seed) {}

  void run(std::int32_t pid) {
    const std::size_t index = random_() % kNames;
    switch (random_() % 6) {
      case 0:
        return use(index,
                   slots_.create(name_of(index), Persistence::kPersistent, {pid}, any_lsn()));
      case 1:
        use(index, slots_.create(name_of(index), Persistence::kTemporary, {pid}, any_lsn()));
        return slots_.drop_temporary(pid);
      case 2:
        return use(index, slots_.acquire(name_of(index), {pid}));
      case 3:
        return expect_rule(slots_.drop(name_of(index), {pid}), {"42704", "55006"});
      case 4:
        return wait(index);
      case 5:
        return look();
    }
  }

  std::atomic<int> told = 0;
  int waited = 0;  // those that were not cancelled
  int used = 0;

 private:
  Lsn any_lsn() { return Lsn(kPinned.value() + 1 + random_() % 0x100000); }

  template <typename T>
  void expect_rule(const runtime::Result<T>& result, std::vector<std::string> codes) {
    if (result) return;
    EXPECT_THAT(codes, testing::Contains(std::string(result.error().kind->code))) << said(result);
  }

  void use(std::size_t index, const runtime::Result<Slot*>& held) {
    expect_rule(held, {"42710", "42704", "55006"});
    if (!held) return;
    Slot& slot = **held;
    ++used;
    EXPECT_EQ(holders_[index].fetch_add(1), 0) << "two sessions hold " << slot.name();
    for (auto moves = random_() % 10; moves > 0; --moves) slot.advance(any_lsn());
    slots_.report_xmin(slot, {.data = 1 + random_() % 100}, {});
    EXPECT_EQ(slots_.read(slot.name())->restart_lsn, slot.restart_lsn());
    holders_[index].fetch_sub(1);
    slots_.release(slot);
  }

  void wait(std::size_t index) {
    const auto id = slots_.notify_when_free(name_of(index), [this] { ++told; });
    if (!id) return;
    const bool cancelled = random_() % 2 == 0 && slots_.cancel(*id);
    if (!cancelled) ++waited;
  }

  void look() {
    EXPECT_EQ(slots_.required_lsn(), kPinned);
    EXPECT_LE(slots_.all().size(), kNames + 1);
  }

  Slots& slots_;
  std::array<std::atomic<int>, kNames>& holders_;
  std::mt19937 random_;
};

TEST(SlotsThreadsTest, EverySlotHasOneHolderAndNothingIsLost) {
  constexpr std::size_t kThreads = 4;
  constexpr std::int32_t kSessionsPerThread = 3000;
  const auto seed = tests::random_seed();
  const tests::TempDir dir(tests::memory_directory());
  Slots slots({.directory = dir.path(), .slots_max = kNames + 1});
  ASSERT_EQ(said(slots.load()), "");
  slots.release(**slots.create("pinned", Persistence::kPersistent, {1}, kPinned));

  std::array<std::atomic<int>, kNames> holders{};
  std::vector<std::unique_ptr<Sessions>> sessions;
  std::vector<std::thread> threads;
  std::atomic<std::size_t> running = kThreads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    const auto own_seed = seed + static_cast<std::uint32_t>(i);
    Sessions& own = *sessions.emplace_back(std::make_unique<Sessions>(slots, holders, own_seed));
    threads.emplace_back([&own, &running, i] {
      const std::int32_t first_pid = 1 + static_cast<std::int32_t>(i) * kSessionsPerThread;
      for (std::int32_t n = 0; n < kSessionsPerThread; ++n) own.run(first_pid + n);
      --running;
    });
  }
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (running > 0) EXPECT_EQ(said(slots.save_dirty()), "");
    });
  }
  for (std::thread& thread : threads) thread.join();

  for (const auto& own : sessions) {
    EXPECT_GT(own->used, 100);
    EXPECT_EQ(own->told, own->waited);  // once each: all slots are free by now
  }
  for (const SlotInfo& slot : slots.all()) EXPECT_EQ(slot.active_pid, 0) << slot.name;
  ASSERT_EQ(said(slots.save_dirty()), "");
  Slots restarted({.directory = dir.path(), .slots_max = kNames + 1});
  ASSERT_EQ(said(restarted.load()), "");
  EXPECT_EQ(restarted.all(), slots.all());
}

// All want the same name: one has it, and the others are told why they do not.
TEST(SlotsThreadsTest, OneOfManyCreatorsWins) {
  constexpr std::int32_t kThreads = 4;
  const tests::TempDir dir(tests::memory_directory());
  Slots slots({.directory = dir.path()});
  ASSERT_EQ(said(slots.load()), "");
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> ready = 0;
    std::atomic<int> winners = 0;
    std::vector<std::thread> threads;
    for (std::int32_t pid = 1; pid <= kThreads; ++pid) {
      threads.emplace_back([&, pid] {
        ++ready;
        while (ready < kThreads) std::this_thread::yield();
        const bool temporary = round % 2 == 0 && pid == 1;
        const auto slot = slots.create(
            "a", temporary ? Persistence::kTemporary : Persistence::kPersistent, {pid}, Lsn());
        if (slot) {
          ++winners;
          slots.release(**slot);
        } else {
          EXPECT_EQ(said(slot), "42710 replication slot \"a\" already exists");
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(winners, 1);
    const std::int32_t owner = slots.read("a")->active_pid;
    EXPECT_EQ(said(slots.drop("a", {owner == 0 ? 9 : owner})), "");
  }
}

// The thread that removes WAL meets sessions that take and release slots. No session holds a slot
// at the moment when that thread invalidates it.
TEST(SlotsThreadsTest, ObsoleteSlotsGoWhileTheyAreUsed) {
  constexpr std::int32_t kThreads = 3;
  constexpr int kRounds = 20'000;
  const tests::TempDir dir(tests::memory_directory());
  std::atomic<int> told_to_end = 0;
  std::array<std::atomic<std::uint64_t>, kNames> horizon{};
  Slots slots({.directory = dir.path(),
               .slots_max = kNames,
               .terminate = [&](std::int32_t) { ++told_to_end; },
               .xmin_changed =
                   [&](std::string_view name, wal::Xmin xmin) {
                     horizon[static_cast<std::size_t>(name.back() - '0')] = xmin.data;
                   }});
  ASSERT_EQ(said(slots.load()), "");
  for (std::size_t i = 0; i < kNames; ++i) {
    slots.release(**slots.create(name_of(i), Persistence::kPersistent, {1}, Lsn(1)));
  }
  std::atomic<std::uint64_t> end = 1000;
  std::atomic<int> running = kThreads;
  std::vector<std::thread> threads;
  for (std::int32_t pid = 1; pid <= kThreads; ++pid) {
    threads.emplace_back([&, pid] {
      for (int round = 0; round < kRounds; ++round) {
        const auto slot = slots.acquire(name_of(static_cast<std::size_t>(round) % kNames), {pid});
        if (!slot) continue;
        (*slot)->advance(Lsn(end - 500 + static_cast<std::uint64_t>(round) % 1000));
        slots.report_xmin(**slot, {.data = ++end}, {});
        slots.release(**slot);
      }
      --running;
    });
  }
  while (running > 0) EXPECT_EQ(said(slots.invalidate_before(Lsn(end.load()))), "");
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(said(slots.invalidate_before(Lsn(end + 1000))), "");
  EXPECT_FALSE(slots.required_lsn().valid());
  for (std::size_t i = 0; i < kNames; ++i) {
    const SlotInfo slot = *slots.read(name_of(i));
    EXPECT_EQ(slot, (SlotInfo{name_of(i), Persistence::kPersistent, Lsn(), 0}));
    EXPECT_EQ(horizon[i], 0u) << slot.name;
  }
  Slots restarted({.directory = dir.path(), .slots_max = kNames});
  ASSERT_EQ(said(restarted.load()), "");
  EXPECT_EQ(restarted.all(), slots.all());
}

}  // namespace
}  // namespace server::slot
