#include "memctx/poison.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory_resource>
#include <vector>

#include "memctx/context.h"
#include "memctx/resource.h"

namespace memctx {
namespace {

// What ASan is told about a context's memory. Without ASan there is nothing to be told.
class PoisonTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!kPoisoning) GTEST_SKIP() << "needs AddressSanitizer";
  }

  Context context_{"Context", kSmallArena};
};
using PoisonDeathTest = PoisonTest;

// True if exactly the bytes of a chunk are readable: neither the one before nor the one behind it.
bool is_readable_exactly(const char* chunk, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    if (is_poisoned(chunk + i)) return false;
  }
  return is_poisoned(chunk + size) && is_poisoned(chunk + size + 7);
}

TEST_F(PoisonTest, OnlyTheBytesOfAChunkAreReadable) {
  const char* previous_end = nullptr;
  for (const std::size_t size : {1u, 7u, 8u, 9u, 100u, 0u, 5u, 3000u}) {
    const auto* chunk = static_cast<const char*>(context_.allocate(size, 1));
    EXPECT_TRUE(is_readable_exactly(chunk, size)) << size;
    EXPECT_TRUE(previous_end == nullptr || is_poisoned(previous_end)) << size;
    previous_end = chunk + size;
  }
}

TEST_F(PoisonTest, AChunkOfAnyAlignmentIsReadable) {
  for (std::size_t align = 1; align <= kChunkAlignMax; align *= 2) {
    EXPECT_TRUE(is_readable_exactly(static_cast<const char*>(context_.allocate(33, align)), 33));
  }
}

TEST_F(PoisonTest, ResetPoisonsTheKeeper) {
  const auto* chunk = static_cast<const char*>(context_.allocate(100));
  context_.reset();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(is_poisoned(chunk + i));
}

TEST_F(PoisonTest, StorageThatAVectorGaveUpIsPoisoned) {
  Resource resource(context_);
  std::pmr::vector<int> numbers({1, 2, 3}, &resource);
  const int* old = numbers.data();
  numbers.reserve(100);
  EXPECT_TRUE(is_poisoned(old));
  EXPECT_FALSE(is_poisoned(numbers.data()));
}

TEST_F(PoisonDeathTest, APointerKeptBeyondAResetFails) {
  volatile char* chunk = static_cast<char*>(context_.allocate(100));
  context_.reset();
  EXPECT_DEATH(chunk[0] = 1, "use-after-poison");
}

TEST_F(PoisonDeathTest, AWriteBehindAChunkFails) {
  volatile char* chunk = static_cast<char*>(context_.allocate(100));
  static_cast<void>(context_.allocate(100));
  EXPECT_DEATH(chunk[100] = 1, "use-after-poison");
}

TEST_F(PoisonDeathTest, AWriteBehindALargeChunkFails) {
  volatile char* chunk = static_cast<char*>(context_.allocate(100'000));
  EXPECT_DEATH(chunk[100'000] = 1, "use-after-poison");
}

}  // namespace
}  // namespace memctx
