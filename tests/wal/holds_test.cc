#include "server/wal/holds.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "tests/support/fake_holder.h"

namespace server::wal {
namespace {

using std::chrono::seconds;
using tests::FakeHolder;

struct HoldsTest : testing::Test {
  HoldsTest() {
    holds.add(a);
    holds.add(b);
  }

  runtime::FakeClock clock;
  Holds holds{clock};
  FakeHolder a{"a"};
  FakeHolder b{"b"};
};

TEST_F(HoldsTest, WithoutHoldsNothingIsOldest) {
  EXPECT_FALSE(holds.oldest().valid());
  EXPECT_TRUE(holds.list().empty());
}

TEST_F(HoldsTest, TheOldestIsTheLowestOfThoseThatHoldAnything) {
  b.required.store(Lsn(200));
  EXPECT_EQ(holds.oldest(), Lsn(200));
  a.required.store(Lsn(300));
  EXPECT_EQ(holds.oldest(), Lsn(200));
  a.required.store(Lsn(100));
  EXPECT_EQ(holds.oldest(), Lsn(100));
  holds.remove(a);
  EXPECT_EQ(holds.oldest(), Lsn(200));
}

TEST_F(HoldsTest, AnOperatorIsToldWhoHoldsWhatAndWhy) {
  a.required.store(Lsn(300));
  b.required.store(Lsn(200));
  const auto list = holds.list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].who, "b");
  EXPECT_EQ(list[0].from, Lsn(200));
  EXPECT_EQ(list[0].why, "a test needs it");
  EXPECT_EQ(list[1].who, "a");
}

TEST_F(HoldsTest, AHoldIsAsOldAsItsPosition) {
  const runtime::Instant begun = clock.now();
  a.required.store(Lsn(300));
  EXPECT_EQ(holds.list().at(0).since, begun);
  clock.advance(seconds(5));
  EXPECT_EQ(holds.list().at(0).since, begun) << "it stands still";
  a.required.store(Lsn(400));
  EXPECT_EQ(holds.list().at(0).since, begun + seconds(5));
  a.required.store(Lsn());
  EXPECT_TRUE(holds.list().empty());
  clock.advance(seconds(5));
  a.required.store(Lsn(400));
  EXPECT_EQ(holds.list().at(0).since, begun + seconds(10)) << "it was gone meanwhile";
}

// Has `between` done, which another thread might do, between two holders that a list asks.
struct Interruption final : Holder {
  std::vector<Hold> holds() const override {
    if (between) std::exchange(between, nullptr)();
    return {};
  }
  void settle() override {}
  void release_before(Lsn /*oldest*/) override {}
  mutable std::function<void()> between;
};

TEST_F(HoldsTest, AListThatWasBegunEarlierDoesNotUndoWhatALaterOneSaw) {
  Interruption interruption;
  holds.add(interruption);
  a.required.store(Lsn(300));
  holds.list();
  clock.advance(seconds(5));
  const runtime::Instant moved = clock.now();
  interruption.between = [&] {
    a.required.store(Lsn(400));
    EXPECT_EQ(holds.list().at(0).since, moved);
  };
  EXPECT_EQ(holds.list().at(0).from, Lsn(300)) << "it was asked before";
  clock.advance(seconds(5));
  EXPECT_EQ(holds.list().at(0).since, moved);
  holds.remove(interruption);
}

TEST_F(HoldsTest, OnlyThoseThatAreInTheWayAreToldToGo) {
  a.required.store(Lsn(100));
  b.required.store(Lsn(200));
  std::string told;
  a.on_release = [&](Lsn) { told += "a"; };
  b.on_release = [&](Lsn) { told += "b"; };
  a.on_settle = [&] { told += "A"; };
  b.on_settle = [&] { told += "B"; };
  holds.release_before(Lsn(100));
  EXPECT_EQ(told, "");
  holds.release_before(Lsn(200));
  EXPECT_EQ(told, "a");
  holds.settle(Lsn(201));
  EXPECT_EQ(told, "aAB");
}

}  // namespace
}  // namespace server::wal
