#include "memctx/context.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace memctx {
namespace {

using Calls = std::vector<std::string>;

// Appends a word to a list when a context calls it, or when it is destroyed.
struct Note {
  Calls* calls;
  std::string word;
  ~Note() { calls->push_back(word); }
};

struct Call {
  Calls* calls;
  std::string word;
  static void run(void* argument) {
    auto* call = static_cast<Call*>(argument);
    call->calls->push_back(call->word);
  }
};

TEST(ContextTest, AnIdleContextCostsNoBlock) {
  Context top("Top");
  Context& child = top.create_child("Connection", kSmallArena);
  EXPECT_EQ(top.subtree_stats(), Stats{});
  EXPECT_EQ(child.stats(), Stats{});
  EXPECT_LE(sizeof(Context), 104u);
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

TEST(ContextTest, ResetOnlyLeavesTheChildrenAsTheyAre) {
  Context top("Top", kSmallArena);
  Context& child = top.create_child("child", kSmallArena);
  auto* kept = static_cast<char*>(child.allocate(6));
  std::memcpy(kept, "bytes", 6);
  static_cast<void>(top.allocate(5000));
  top.reset_only();
  EXPECT_EQ(top.stats(), Stats{});
  EXPECT_EQ(child.stats().block_count, 1u);
  EXPECT_STREQ(kept, "bytes");
}

TEST(ContextTest, DeleteChildrenLeavesItsOwnMemory) {
  Context top("Top", kSmallArena);
  const std::string_view kept = top.copy("kept");
  static_cast<void>(top.create_child("a").allocate(1));
  static_cast<void>(top.create_child("b").allocate(1));
  top.delete_children();
  EXPECT_EQ(top.subtree_stats(), top.stats());
  EXPECT_EQ(top.stats().block_count, 1u);
  EXPECT_EQ(kept, "kept");
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
  Calls calls;
  {
    Context top("Top");
    Context* deepest = &top;
    for (int i = 0; i < 100'000; ++i) deepest = &deepest->create_child("level", kSmallArena);
    deepest->create<Note>(&calls, "deepest");
  }
  EXPECT_EQ(calls, Calls{"deepest"});
}

TEST(ContextTest, CallbacksRunInReverseOrderAndOnce) {
  Calls calls;
  Call a{&calls, "a"}, b{&calls, "b"}, c{&calls, "c"};
  Context top("Top");
  for (Call* call : {&a, &b, &c}) top.on_reset(&Call::run, call);
  top.reset();
  EXPECT_EQ(calls, (Calls{"c", "b", "a"}));
  top.reset();
  EXPECT_EQ(calls.size(), 3u);
}

TEST(ContextTest, DeletionRunsCallbacksOfChildrenBeforeThoseOfParents) {
  Calls calls;
  {
    Context top("Top");
    top.create<Note>(&calls, "top");
    Context& a = top.create_child("a");
    a.create<Note>(&calls, "a first");
    a.create_child("b").create<Note>(&calls, "b");
    a.create<Note>(&calls, "a second");
    top.create_child("c").create<Note>(&calls, "c");
  }
  EXPECT_EQ(calls, (Calls{"c", "b", "a second", "a first", "top"}));
}

TEST(ContextTest, ResetRunsCallbacksOfChildrenFirst) {
  Calls calls;
  Context top("Top");
  top.create<Note>(&calls, "top");
  top.create_child("a").create<Note>(&calls, "a");
  top.reset();
  EXPECT_EQ(calls, (Calls{"a", "top"}));
}

TEST(ContextTest, ResetOnlyRunsNoCallbackOfAChild) {
  Calls calls;
  Context top("Top");
  top.create<Note>(&calls, "top");
  top.create_child("a").create<Note>(&calls, "a");
  top.reset_only();
  EXPECT_EQ(calls, Calls{"top"});
}

TEST(ContextTest, ACallbackReadsTheMemoryOfItsContextAndOfItsParent) {
  struct Reader {
    std::string_view own, parents;
    Calls* calls;
  };
  Calls calls;
  {
    Context top("Top");
    Context& child = top.create_child("child");
    auto& reader = child.create<Reader>(child.copy("own"), top.copy("parent's"), &calls);
    child.on_reset(
        [](void* argument) {
          const auto* it = static_cast<Reader*>(argument);
          *it->calls = {std::string(it->own), std::string(it->parents)};
        },
        &reader);
  }
  EXPECT_EQ(calls, (Calls{"own", "parent's"}));
}

TEST(ContextTest, ACallbackMayRegisterAnother) {
  struct Registrar {
    Context* context;
    Call* call;
  };
  Calls calls;
  Call call{&calls, "registered late"};
  Context top("Top");
  Registrar registrar{&top, &call};
  top.on_reset(
      [](void* argument) {
        const auto* it = static_cast<Registrar*>(argument);
        it->context->on_reset(&Call::run, it->call);
      },
      &registrar);
  top.reset();
  EXPECT_EQ(calls, Calls{"registered late"});
}

TEST(ContextTest, ACallbackMayDeleteASiblingOfItsContext) {
  struct Pair {
    Context* parent;
    Context* victim;
  };
  Calls calls;
  Context top("Top");
  Context& older = top.create_child("older");
  older.create<Note>(&calls, "older");
  Pair pair{&top, &older};
  top.create_child("newer").on_reset(
      [](void* argument) {
        const auto* it = static_cast<Pair*>(argument);
        it->parent->delete_child(*it->victim);
      },
      &pair);
  top.delete_children();
  EXPECT_EQ(calls, Calls{"older"});
  EXPECT_EQ(top.describe().find("older:"), std::string::npos);
}

TEST(ContextTest, CreateDestroysWhatHasADestructor) {
  Calls calls;
  Context top("Top");
  EXPECT_EQ(top.create<Note>(&calls, "gone").word, "gone");
  EXPECT_TRUE(calls.empty());
  top.reset();
  EXPECT_EQ(calls, Calls{"gone"});
}

TEST(ContextTest, CreateRegistersNothingForATrivialType) {
  struct alignas(64) Trivial {
    int a, b;
  };
  Context top("Top");
  auto& object = top.create<Trivial>(1, 2);
  EXPECT_EQ(object.a + object.b, 3);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&object) % 64, 0u);

  Context plain("Plain");
  static_cast<void>(plain.allocate(sizeof(Trivial), alignof(Trivial)));
  Context number("Number");
  EXPECT_EQ(number.create<int>(), 0);
  Context reserved("Reserved");
  static_cast<void>(reserved.allocate(sizeof(int), alignof(int)));
  EXPECT_EQ(number.stats(), reserved.stats());
}

TEST(ContextTest, CopyOutlivesItsSource) {
  Context top("Top");
  std::string source = "00000001000000000000002A";
  const std::string_view copy = top.copy(source);
  source.assign(source.size(), 'x');
  EXPECT_EQ(copy, "00000001000000000000002A");
  EXPECT_EQ(top.copy(std::string_view()), "");
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
            "Top: 1024 total in 1 blocks; 908 free (1 chunks); 116 used\n"
            "  Message: 1024 total in 1 blocks; 0 free (0 chunks); 1024 used\n"
            "  Connection: 11040 total in 2 blocks; 8 free (1 chunks); 11032 used\n"
            "    Portal: 0 total in 0 blocks; 0 free (0 chunks); 0 used\n"
            "Grand total: 13088 bytes in 4 blocks; 916 free (2 chunks); 12172 used\n");
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

TEST(ContextTest, AThreadAdoptsATreeMadeByAnother) {
  Context top("Top");
  Context& child = top.create_child("a").create_child("b");
  std::thread([&] {
    top.adopt();
    static_cast<void>(top.allocate(1));
    static_cast<void>(child.allocate(1));
  }).join();
  top.adopt();
  EXPECT_EQ(top.subtree_stats().block_count, 2u);
}

#ifndef NDEBUG
TEST(ContextDeathTest, AnotherThreadMayNotTouchAContext) {
  Context top("Top");
  Context& child = top.create_child("child");
  const auto in_a_thread = [](auto function) { std::thread(function).join(); };
  constexpr auto kMessage = "a context belongs to one thread";
  EXPECT_DEATH(in_a_thread([&] { static_cast<void>(top.allocate(1)); }), kMessage);
  EXPECT_DEATH(in_a_thread([&] { child.reset_only(); }), kMessage);
  EXPECT_DEATH(in_a_thread([&] { top.create_child("b"); }), kMessage);
  EXPECT_DEATH(in_a_thread([&] { top.delete_child(child); }), kMessage);
  EXPECT_DEATH(in_a_thread([&] { static_cast<void>(top.describe()); }), kMessage);
}

TEST(ContextDeathTest, ACallbackMayNotRevivePartOfADeletedTree) {
  EXPECT_DEATH(
      {
        Context top("Top");
        top.on_reset([](void* context) { static_cast<Context*>(context)->create_child("b"); },
                     &top);
      },
      "created a child of a context that is deleted");
}
#endif

}  // namespace
}  // namespace memctx
