#include "memctx/arena.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>
#include <set>
#include <vector>

namespace memctx {
namespace {

constexpr std::size_t kHeaderBytes = 16;
constexpr ArenaOptions kOptions{1024, 8 * 1024};

// Takes chunks until one has started a block, and returns the size of that block.
std::size_t grow_by_one_block(Arena& arena) {
  const Stats before = arena.stats();
  while (arena.stats().block_count == before.block_count) {
    static_cast<void>(arena.allocate(64));
  }
  return arena.stats().total_bytes - before.total_bytes;
}

TEST(ArenaTest, TakesNoBlockBeforeTheFirstChunk) {
  Arena arena("idle", kOptions);
  EXPECT_EQ(arena.stats(), Stats{});
  arena.reset();
  EXPECT_EQ(arena.stats(), Stats{});
}

TEST(ArenaTest, BlocksDoubleUpToTheLargest) {
  Arena arena("doubling", kOptions);
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 6; ++i) sizes.push_back(grow_by_one_block(arena));
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1024, 2048, 4096, 8192, 8192, 8192}));
  EXPECT_EQ(arena.stats().dedicated_count, 0u);
}

TEST(ArenaTest, DoublingStopsAtALimitThatIsNoPowerOfTwo) {
  Arena arena("uneven", {1024, 3000});
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 4; ++i) sizes.push_back(grow_by_one_block(arena));
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1024, 2048, 3000, 3000}));
}

TEST(ArenaTest, ABlockDoublesUntilTheChunkFits) {
  Arena arena("skipping", {128, 64 * 1024});
  static_cast<void>(arena.allocate(3000));
  EXPECT_EQ(arena.stats().total_bytes, 4096u);
  EXPECT_EQ(arena.stats().dedicated_count, 0u);
  EXPECT_EQ(grow_by_one_block(arena), 8192u);
}

TEST(ArenaTest, ResetKeepsTheFirstBlock) {
  Arena arena("keeper", kOptions);
  void* first = arena.allocate(64);
  for (int i = 0; i < 3; ++i) grow_by_one_block(arena);
  arena.reset();
  EXPECT_EQ(arena.stats(), (Stats{.block_count = 1,
                                  .total_bytes = 1024,
                                  .free_bytes = 1024 - kHeaderBytes,
                                  .free_count = 1}));
  EXPECT_EQ(arena.allocate(64), first);
}

TEST(ArenaTest, DoublingStartsAgainAfterReset) {
  Arena arena("again", kOptions);
  for (int i = 0; i < 4; ++i) grow_by_one_block(arena);
  arena.reset();
  EXPECT_EQ(grow_by_one_block(arena), 2048u);
}

TEST(ArenaTest, ALargeChunkGetsADedicatedBlockThatResetFrees) {
  Arena arena("large", kOptions);
  static_cast<void>(arena.allocate(16));
  const Stats small = arena.stats();
  void* large = arena.allocate(100'000);
  std::memset(large, 1, 100'000);

  Stats expected = small;
  expected += Stats{.block_count = 1,
                    .total_bytes = 100'000 + kHeaderBytes + kRedGapBytes,
                    .dedicated_count = 1,
                    .dedicated_bytes = 100'000 + kHeaderBytes + kRedGapBytes};
  EXPECT_EQ(arena.stats(), expected);

  arena.reset();
  EXPECT_EQ(arena.stats().block_count, 1u);
  EXPECT_EQ(arena.stats().dedicated_count, 0u);
  EXPECT_EQ(arena.stats().total_bytes, 1024u);
}

TEST(ArenaTest, ALargeChunkLeavesTheNewestBlockInUse) {
  Arena arena("large", kOptions);
  auto* before = static_cast<std::byte*>(arena.allocate(16));
  static_cast<void>(arena.allocate(100'000));
  EXPECT_EQ(arena.allocate(16), before + 16 + kRedGapBytes);
}

TEST(ArenaTest, AQuarterOfTheLargestBlockIsNotYetLarge) {
  constexpr std::size_t kLargest = 8 * 1024 / 4 - kHeaderBytes - kRedGapBytes;
  Arena arena("limit", kOptions);
  static_cast<void>(arena.allocate(kLargest));
  EXPECT_EQ(arena.stats().dedicated_count, 0u);
  static_cast<void>(arena.allocate(kLargest + 1));
  EXPECT_EQ(arena.stats().dedicated_count, 1u);
}

TEST(ArenaTest, AlignsEveryChunkAsAsked) {
  Arena arena("aligned", kOptions);
  for (const std::size_t size : {1u, 7u, 100u, 5000u}) {
    for (std::size_t align = 1; align <= kChunkAlignMax; align *= 2) {
      void* chunk = arena.allocate(size, align);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(chunk) % align, 0u) << size << " by " << align;
      std::memset(chunk, 0xab, size);
    }
  }
}

TEST(ArenaTest, ChunksFollowEachOtherInWholeUnits) {
  Arena arena("units", kOptions);
  auto* first = static_cast<std::byte*>(arena.allocate(3, 1));
  auto* second = static_cast<std::byte*>(arena.allocate(kChunkUnit, 1));
  EXPECT_EQ(second, first + kChunkUnit + kRedGapBytes);
  EXPECT_EQ(arena.allocate(kChunkUnit + 1), second + kChunkUnit + kRedGapBytes);
  EXPECT_EQ(arena.allocate(4, 4), second + 3 * kChunkUnit + 2 * kRedGapBytes);
}

TEST(ArenaTest, EmptyChunksHaveTheirOwnAddresses) {
  Arena arena("empty", kOptions);
  std::set<void*> chunks;
  for (int i = 0; i < 2000; ++i) chunks.insert(arena.allocate(0, 1));
  EXPECT_EQ(chunks.size(), 2000u);
  EXPECT_FALSE(chunks.contains(nullptr));
}

TEST(ArenaTest, CountsEveryByte) {
  Arena arena("exact", kOptions);
  static_cast<void>(arena.allocate(32));
  std::size_t free_bytes = 1024 - kHeaderBytes - 32 - kRedGapBytes;
  EXPECT_EQ(
      arena.stats(),
      (Stats{.block_count = 1, .total_bytes = 1024, .free_bytes = free_bytes, .free_count = 1}));
  EXPECT_EQ(arena.stats().used_bytes(), kHeaderBytes + 32 + kRedGapBytes);

  static_cast<void>(arena.allocate(1008));  // the rest of the first block stays unused
  free_bytes += 2048 - kHeaderBytes - 1008 - kRedGapBytes;
  EXPECT_EQ(
      arena.stats(),
      (Stats{.block_count = 2, .total_bytes = 3072, .free_bytes = free_bytes, .free_count = 2}));
}

TEST(ArenaTest, AFullBlockHasNoFreeEnd) {
  Arena arena("full", kOptions);
  static_cast<void>(arena.allocate(1024 - kHeaderBytes - kRedGapBytes));
  EXPECT_EQ(arena.stats(), (Stats{.block_count = 1, .total_bytes = 1024}));
}

TEST(ArenaDeathTest, ARequestThatNobodyCheckedEndsTheProcess) {
  Arena arena("greedy", kOptions);
  static_cast<void>(arena.allocate(1));  // so that padding would make the sum overflow
  for (const std::size_t size : {kChunkBytesMax + 1, SIZE_MAX - 8, SIZE_MAX}) {
    EXPECT_DEATH(static_cast<void>(arena.allocate(size)), "request of [0-9]+ bytes.*\"greedy\"");
  }
}

void exhaust_memory() {
  rlimit limit{};
  limit.rlim_cur = limit.rlim_max = 256 << 20;
  setrlimit(RLIMIT_AS, &limit);
  Arena arena("exhausted", kOptions);
  while (true) static_cast<void>(arena.allocate(64 << 20));
}

TEST(ArenaDeathTest, OutOfMemoryEndsTheProcessAndSaysWhere) {
#ifdef __SANITIZE_THREAD__
  constexpr bool kSanitized = true;
#else
  constexpr bool kSanitized = kPoisoning;
#endif
  if (kSanitized) GTEST_SKIP() << "a sanitizer cannot live within an address space limit";
  EXPECT_DEATH(exhaust_memory(),
               "out of memory: request of 671088[0-9]+ bytes in memory context \"exhausted\"");
}

}  // namespace
}  // namespace memctx
