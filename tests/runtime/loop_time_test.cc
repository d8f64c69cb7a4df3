#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/loop.h"

// What a turn does when it has taken its time, and at its end.

namespace runtime {
namespace {

struct Rest final : Loop::Unfinished {
  explicit Rest(std::function<void()> function) : body(std::move(function)) {}
  void go_on() override { body(); }
  std::function<void()> body;
};

// A descriptor that is always ready, and what that costs.
struct Busy final : Loop::Handler {
  Busy(Loop& loop, std::function<void()> function)
      : fd(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)), body(std::move(function)) {
    loop.watch(fd.get(), EPOLLIN, *this);
  }
  void on_ready(std::uint32_t /*events*/) override { body(); }
  UniqueFd fd;
  std::function<void()> body;
};

struct Retiree final : Loop::Retired {
  explicit Retiree(std::function<void()> function) : last_act(std::move(function)) {}
  ~Retiree() override { last_act(); }
  std::function<void()> last_act;
};

struct LoopTimeTest : testing::Test {
  void take(Duration time) { clock.advance(time); }

  const Duration turn_time = Loop::Options().turn_time;
  FakeClock clock;
  Loop loop{clock, {}};
};

// The list that held both was being cleared, and lost the second one.
TEST_F(LoopTimeTest, WhatRetiresAnotherByItsDeathIsFollowedByItInTheSameTurn) {
  bool dead = false;
  loop.retire(std::make_unique<Retiree>(
      [&] { loop.retire(std::make_unique<Retiree>([&] { dead = true; })); }));
  loop.turn_for_test();
  EXPECT_TRUE(dead);
}

TEST_F(LoopTimeTest, ATurnIsLongWhenItHasTakenItsTime) {
  loop.turn_for_test();
  EXPECT_FALSE(loop.turn_is_long());
  take(turn_time - Duration(1));
  EXPECT_FALSE(loop.turn_is_long());
  take(Duration(1));
  EXPECT_TRUE(loop.turn_is_long());
  loop.turn_for_test();
  EXPECT_FALSE(loop.turn_is_long());
}

// A hundred clients with a command each held a turn up for a hundred commands, and all streams.
TEST_F(LoopTimeTest, WhatATurnHasNoTimeForGoesOnInLaterOnesInItsOrder) {
  std::string order;
  const auto work = [&](Rest& rest, const char* name) {
    order += name;
    take(turn_time / 2);
    loop.go_on_next_turn(rest);
  };
  Rest a([&] { work(a, "a"); });
  Rest b([&] { work(b, "b"); });
  Rest c([&] { work(c, "c"); });
  for (Rest* rest : {&a, &b, &c}) loop.go_on_next_turn(*rest);
  for (int turn = 0; turn < 3; ++turn) {
    loop.turn_for_test();
    order += "|";
  }
  EXPECT_EQ(order, "ab|ca|bc|");
}

TEST_F(LoopTimeTest, AtLeastOneGoesOnInATurnThatIsLongAlready) {
  int went_on = 0;
  Rest rest([&] { ++went_on; });
  loop.go_on_next_turn(rest);
  Rest other([&] { ++went_on; });
  loop.go_on_next_turn(other);
  const Busy busy(loop, [&] { take(turn_time); });
  loop.turn_for_test();
  EXPECT_EQ(went_on, 1);
  loop.turn_for_test();
  EXPECT_EQ(went_on, 2);
}

// A storm of clients held up the streams: each new one was a task, and a turn ran them all.
TEST_F(LoopTimeTest, TasksThatATurnHasNoTimeForRunInLaterOnesInTheirOrder) {
  std::string order;
  for (const char name : {'a', 'b', 'c', 'd', 'e'}) {
    loop.mailbox().post([this, &order, name] {
      order += name;
      take(turn_time / 2);
    });
  }
  for (int turn = 0; turn < 3; ++turn) {
    loop.turn_for_test();
    order += "|";
  }
  EXPECT_EQ(order, "ab|cd|e|");
}

TEST_F(LoopTimeTest, AtLeastOneTaskRunsInATurnThatIsLongAlready) {
  int ran = 0;
  for (int i = 0; i < 2; ++i) loop.mailbox().post([&ran] { ++ran; });
  const Busy busy(loop, [&] { take(turn_time); });
  loop.turn_for_test();
  EXPECT_EQ(ran, 1);
}

// What a turn with many ready descriptors has handled, and what that took.
struct LoopCrowdTest : LoopTimeTest {
  LoopCrowdTest() {
    for (int& count : handled) {
      crowd.push_back(std::make_unique<Busy>(loop, [this, &count] {
        ++count;
        ++in_turn;
        take(cost);
      }));
    }
  }
  int turn() {
    in_turn = 0;
    loop.turn_for_test();
    return in_turn;
  }
  int most_of(int turns) {
    int most = 0;
    while (turns-- > 0) most = std::max(most, turn());
    return most;
  }

  std::array<int, 64> handled{};
  std::vector<std::unique_ptr<Busy>> crowd;
  int in_turn = 0;
  Duration cost{0};
};

TEST_F(LoopCrowdTest, TurnsTakeInFewerEventsWhereTheyAreLong) {
  cost = turn_time / 10;
  EXPECT_EQ(turn(), 64);
  for (int more = 0; more < 5; ++more) turn();
  EXPECT_LE(most_of(20), 16);
  cost = Duration(0);
  for (int more = 0; more < 5; ++more) turn();
  EXPECT_EQ(turn(), 64);
}

TEST_F(LoopCrowdTest, SomeEventsAreTakenInHoweverLongTheyAre) {
  cost = turn_time * 10;
  for (int more = 0; more < 10; ++more) turn();
  EXPECT_GE(turn(), 2);
}

TEST_F(LoopCrowdTest, NoDescriptorIsLeftOutWhereTurnsAreShort) {
  cost = turn_time / 10;
  for (int more = 0; more < 200; ++more) turn();
  const auto [least, most] = std::minmax_element(handled.begin(), handled.end());
  EXPECT_GT(*least, 10);
  EXPECT_LE(*most - *least, 2);
}

}  // namespace
}  // namespace runtime
