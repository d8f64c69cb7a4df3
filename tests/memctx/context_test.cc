#include "memctx/context.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace memctx {
namespace {

TEST(ContextTest, AnIdleContextCostsNoBlock) {
  Context top("Top");
  Context& child = top.create_child("Connection", kSmallArena);
  EXPECT_EQ(top.subtree_stats(), Stats{});
  EXPECT_EQ(child.stats(), Stats{});
  EXPECT_LE(sizeof(Context), 88u);
}

TEST(ContextTest, KnowsItsNameAndParent) {
  Context top("Top");
  Context& child = top.create_child("Connection");
  EXPECT_STREQ(child.name(), "Connection");
  EXPECT_EQ(child.parent(), &top);
  EXPECT_EQ(top.parent(), nullptr);
}

TEST(ContextTest, ResetFreesTheMemoryAndDeletesTheChildren) {
  Context top("Top", kSmallArena);
  static_cast<void>(top.allocate(5000));
  static_cast<void>(top.create_child("child").create_child("grandchild").allocate(5000));
  top.reset();
  EXPECT_EQ(top.subtree_stats(), Stats{});
  EXPECT_EQ(top.describe().find("child:"), std::string::npos);
}

TEST(ContextTest, DeletesAChildFromAnyPlaceAmongItsSiblings) {
  for (int victim = 0; victim < 3; ++victim) {
    Context top("Top");
    Context* children[3] = {&top.create_child("a"), &top.create_child("b"), &top.create_child("c")};
    for (Context* child : children) static_cast<void>(child->allocate(1));
    top.delete_child(*children[victim]);
    const std::string text = top.describe();
    for (int i = 0; i < 3; ++i) {
      const std::string line = "  " + std::string(1, static_cast<char>('a' + i)) + ": ";
      EXPECT_EQ(text.find(line) != std::string::npos, i != victim) << text;
    }
    EXPECT_EQ(top.subtree_stats().block_count, 2u);
  }
}

TEST(ContextTest, AHolderMayOwnAChild) {
  Context top("Top");
  {
    const std::unique_ptr<Context> connection(&top.create_child("Connection", kSmallArena));
    static_cast<void>(connection->allocate(1));
    EXPECT_EQ(top.subtree_stats().block_count, 1u);
  }
  EXPECT_EQ(top.subtree_stats().block_count, 0u);
}

TEST(ContextTest, DeletesATreeTooDeepForTheStack) {
  Context top("Top");
  Context* deepest = &top;
  for (int i = 0; i < 100'000; ++i) deepest = &deepest->create_child("level", kSmallArena);
  static_cast<void>(deepest->allocate(1));
  top.reset();
  EXPECT_EQ(top.subtree_stats(), Stats{});
}

TEST(ContextTest, SubtreeStatsAddUpEveryDescendantOnly) {
  Context top("Top", kSmallArena);
  Context& a = top.create_child("a", kSmallArena);
  Context& b = a.create_child("b", kSmallArena);
  Context& c = top.create_child("c", kSmallArena);
  Stats expected;
  std::size_t size = 10;
  for (Context* context : {&top, &a, &b, &c}) {
    static_cast<void>(context->allocate(size *= 7));
    expected += context->stats();
  }
  EXPECT_EQ(top.subtree_stats(), expected);
  Stats of_a = a.stats();
  of_a += b.stats();
  EXPECT_EQ(a.subtree_stats(), of_a);
  EXPECT_EQ(b.subtree_stats(), b.stats());
}

TEST(ContextTest, DescribesTheTreeAsPostgresDoes) {
  if (kPoisoning) GTEST_SKIP() << "gaps between chunks change the numbers";
  Context top("Top", kSmallArena);
  static_cast<void>(top.allocate(100));
  Context& connection = top.create_child("Connection", kSmallArena);
  static_cast<void>(connection.allocate(1000));
  static_cast<void>(connection.allocate(10'000));
  static_cast<void>(connection.create_child("Portal", kSmallArena));
  static_cast<void>(top.create_child("Message", kSmallArena).allocate(1008));
  EXPECT_EQ(top.describe(),
            "Top: 1024 total in 1 blocks; 896 free (1 chunks); 128 used\n"
            "  Message: 1024 total in 1 blocks; 0 free (0 chunks); 1024 used\n"
            "  Connection: 11040 total in 2 blocks; 0 free (0 chunks); 11040 used\n"
            "    Portal: 0 total in 0 blocks; 0 free (0 chunks); 0 used\n"
            "Grand total: 13088 bytes in 4 blocks; 896 free (1 chunks); 12192 used\n");
}

TEST(ContextTest, DescribeSumsUpChildrenBeyondTheLimit) {
  Context top("Top", kSmallArena);
  for (int i = 0; i < 5; ++i) {
    Context& child = top.create_child("Connection", {1024, 4096});
    static_cast<void>(child.create_child("Portal", {1024, 4096}).allocate(1008 - kRedGapBytes));
  }
  EXPECT_EQ(
      top.describe(2),
      "Top: 0 total in 0 blocks; 0 free (0 chunks); 0 used\n"
      "  Connection: 0 total in 0 blocks; 0 free (0 chunks); 0 used\n"
      "    Portal: 1024 total in 1 blocks; 0 free (0 chunks); 1024 used\n"
      "  Connection: 0 total in 0 blocks; 0 free (0 chunks); 0 used\n"
      "    Portal: 1024 total in 1 blocks; 0 free (0 chunks); 1024 used\n"
      "  3 more child contexts containing 3072 total in 3 blocks; 0 free (0 chunks); 3072 used\n"
      "Grand total: 5120 bytes in 5 blocks; 0 free (0 chunks); 5120 used\n");
}

#ifndef NDEBUG
TEST(ContextTest, ListsTheTreeAsRows) {
  Context root("root");
  Context& first = root.create_child("first");
  static_cast<void>(first.create_child("grandchild").allocate(100));
  for (int i = 0; i < 3; ++i) static_cast<void>(root.create_child("many").allocate(100));
  const auto rows = root.list(/*children_max=*/2);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].name, std::string("root"));
  EXPECT_EQ(rows[0].parent, nullptr);
  EXPECT_EQ(rows[1].name, std::string("many"));
  EXPECT_EQ(rows[1].parent, std::string("root"));
  EXPECT_EQ(rows[1].level, 1u);
  EXPECT_EQ(rows[3].name, std::string(Context::kOthersName));
  Stats all;
  for (const auto& row : rows) all += row.stats;
  EXPECT_EQ(all, root.subtree_stats());
  const auto whole = root.list();
  ASSERT_EQ(whole.size(), 6u);
  EXPECT_EQ(whole.back().name, std::string("grandchild"));
  EXPECT_EQ(whole.back().level, 2u);
}

TEST(ContextDeathTest, AnotherThreadMayNotTouchAContext) {
  Context top("Top");
  Context& child = top.create_child("child");
  const auto in_a_thread = [](auto function) { std::thread(function).join(); };
  constexpr auto kMessage = "a context belongs to one thread";
  EXPECT_DEATH(in_a_thread([&] { static_cast<void>(top.allocate(1)); }), kMessage);
  EXPECT_DEATH(in_a_thread([&] { child.reset(); }), kMessage);
  EXPECT_DEATH(in_a_thread([&] { top.create_child("b"); }), kMessage);
  EXPECT_DEATH(in_a_thread([&] { top.delete_child(child); }), kMessage);
  EXPECT_DEATH(in_a_thread([&] { static_cast<void>(top.describe()); }), kMessage);
}
#endif

}  // namespace
}  // namespace memctx
