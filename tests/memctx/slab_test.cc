#include "memctx/slab.h"

#include <gtest/gtest.h>

#include <string>

namespace memctx {
namespace {

struct Small {
  char c;
};
struct alignas(64) Wide {
  int number;
};
struct Pair {
  int a, b;
};

TEST(SlabTest, ReusesTheDeadLastInFirstOut) {
  Context context("Connection");
  Slab<Pair> slab(context);
  Pair& a = slab.create(1, 2);
  Pair& b = slab.create(3, 4);
  slab.destroy(a);
  slab.destroy(b);
  const Stats before = context.stats();
  EXPECT_EQ(&slab.create(5, 6), &b);
  EXPECT_EQ(&slab.create(7, 8), &a);
  EXPECT_EQ(b.a + b.b, 11);
  EXPECT_EQ(a.a + a.b, 15);
  EXPECT_EQ(context.stats(), before);
}

TEST(SlabTest, CountsTheLiveAndTheIdle) {
  Context context("Connection");
  Slab<Pair> slab(context);
  EXPECT_EQ(slab.stats(), (Slab<Pair>::Stats{}));
  Pair& a = slab.create(1, 2);
  slab.create(3, 4);
  EXPECT_EQ(slab.stats(), (Slab<Pair>::Stats{.live_count = 2, .idle_count = 0}));
  slab.destroy(a);
  EXPECT_EQ(slab.stats(), (Slab<Pair>::Stats{.live_count = 1, .idle_count = 1}));
  slab.create(5, 6);
  EXPECT_EQ(slab.stats(), (Slab<Pair>::Stats{.live_count = 2, .idle_count = 0}));
}

TEST(SlabTest, RunsTheDestructorWhenAnObjectIsDestroyed) {
  struct Counted {
    int* deaths;
    std::string name = "a name that is longer than sixteen bytes";
    explicit Counted(int* count) : deaths(count) {}
    ~Counted() { ++*deaths; }
  };
  Context context("Connection");
  Slab<Counted> slab(context);
  int deaths = 0;
  slab.destroy(slab.create(&deaths));
  slab.destroy(slab.create(&deaths));
  EXPECT_EQ(deaths, 2);
}

TEST(SlabTest, SlotsFitWhatIsSmallerThanALinkAndWhatIsWidelyAligned) {
  Context context("Connection");
  Slab<Small> small(context);
  Small& a = small.create('a');
  Small& b = small.create('b');
  small.destroy(a);
  EXPECT_EQ(b.c, 'b');
  EXPECT_EQ(&small.create('c'), &a);

  Slab<Wide> wide(context);
  for (int i = 0; i < 100; ++i) {
    Wide& object = wide.create(i);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&object) % 64, 0u);
    if (i % 3 == 0) wide.destroy(object);
  }
}

TEST(SlabTest, ASlotTakesNoMoreThanItsObject) {
  Context context("Connection"), plain("Plain");
  Slab<Pair> slab(context);
  for (int i = 0; i < 10; ++i) {
    slab.create(i, i);
    static_cast<void>(plain.allocate(sizeof(Pair), alignof(void*)));
  }
  EXPECT_EQ(context.stats(), plain.stats());
}

TEST(SlabTest, AChurnOfObjectsTakesNoMoreThanItsPeak) {
  Context context("Connection");
  Slab<Pair> slab(context);
  Pair* live[10];
  for (int i = 0; i < 10; ++i) live[i] = &slab.create(i, i);
  const Stats peak = context.stats();
  for (int turn = 0; turn < 10'000; ++turn) {
    slab.destroy(*live[turn % 10]);
    live[turn % 10] = &slab.create(turn, turn);
  }
  EXPECT_EQ(context.stats(), peak);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(live[i]->a, 9990 + i);
}

TEST(SlabTest, MayBeAnObjectOfTheContextItTakesFrom) {
  Context context("Connection");
  auto& slab = context.create<Slab<std::string>>(context);
  slab.destroy(slab.create("a text that is longer than sixteen bytes"));
  context.reset();
  auto& next = context.create<Slab<std::string>>(context);
  std::string& text = next.create("a text that is longer than sixteen bytes");
  EXPECT_EQ(next.stats(), (Slab<std::string>::Stats{.live_count = 1, .idle_count = 0}));
  next.destroy(text);
}

#ifndef NDEBUG
TEST(SlabDeathTest, AResetUnderALiveSlabIsFound) {
  Context context("Connection");
  Slab<Pair> slab(context);
  slab.destroy(slab.create(1, 2));
  context.reset();
  EXPECT_DEATH(slab.create(3, 4), "reset under it");
}

TEST(SlabDeathTest, AnObjectMayNotOutliveItsSlab) {
  EXPECT_DEATH(
      {
        Context context("Connection");
        Slab<std::string> slab(context);
        slab.create("left behind");
      },
      "outlives its slab");
}
#endif

}  // namespace
}  // namespace memctx
