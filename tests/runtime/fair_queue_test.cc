#include "runtime/fair_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace runtime {
namespace {

struct Named {
  FairQueue<Named>::Party party;
  char name;
};

// Nothing is of no use but what has a capital letter.
constexpr auto kIsWanted = [](const Named& item) { return item.name >= 'a'; };

struct FairQueueTest : ::testing::Test {
  // A party for each letter: "aab" are two items of one party and one of another.
  void push(FairQueue<Named>& queue, const std::string& names) {
    for (const char name : names) {
      const auto party = static_cast<FairQueue<Named>::Party>(name);
      queue.push(party, {.party = party, .name = name}, kIsWanted);
    }
  }
  // What is ready now, all of which stays out.
  std::string take(FairQueue<Named>& queue) {
    std::string names;
    while (queue.is_ready()) names += queue.pop().name;
    return names;
  }
  // What comes if each item is finished before the next is taken.
  std::string take_in_turn(FairQueue<Named>& queue) {
    std::string names;
    while (queue.is_ready()) {
      const Named item = queue.pop();
      names += item.name;
      queue.finish(item.party);
    }
    return names;
  }
};

TEST_F(FairQueueTest, OnePartyHasItsItemsInTheirOrder) {
  FairQueue<int> queue(3);
  for (int i = 0; i < 10; ++i) queue.push(0, i, [](int) { return true; });
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(queue.pop(), i);
    queue.finish(0);
  }
  EXPECT_FALSE(queue.is_ready());
}

TEST_F(FairQueueTest, PartiesTakeTurnsHoweverMuchOneHas) {
  FairQueue<Named> queue(1);
  push(queue, "aaaabbc");
  EXPECT_EQ(take_in_turn(queue), "abcabaa");
}

TEST_F(FairQueueTest, OneThatComesLaterIsNextAllTheSame) {
  FairQueue<Named> queue(1);
  push(queue, "aaaa");
  queue.pop();
  push(queue, "b");
  queue.finish('a');
  EXPECT_EQ(take_in_turn(queue), "baaa");
}

TEST_F(FairQueueTest, OfOnePartySoManyAreOutAtOnceAndNoMore) {
  FairQueue<Named> queue(2);
  push(queue, "aaaaa");
  EXPECT_EQ(take(queue), "aa");
  push(queue, "bbb");
  EXPECT_EQ(take(queue), "bb");
  queue.finish('a');
  EXPECT_EQ(take(queue), "a");
  queue.finish('a');
  queue.finish('a');
  EXPECT_EQ(take(queue), "aa");
  queue.finish('b');
  EXPECT_EQ(take(queue), "b");
  EXPECT_FALSE(queue.is_ready());
}

TEST_F(FairQueueTest, WhatIsOutMayFinishAfterAllElseIsDropped) {
  FairQueue<Named> queue(1);
  push(queue, "aab");
  queue.pop();
  queue.clear();
  EXPECT_FALSE(queue.is_ready());
  queue.finish('a');
  push(queue, "ab");
  EXPECT_EQ(take_in_turn(queue), "ab");
}

struct UnwantedTest : FairQueueTest {
  // All of one party. Returns what is taken out meanwhile.
  std::string push_all(FairQueue<Named>& queue, const std::string& names) {
    std::string dropped;
    for (const char name : names) {
      const auto unwanted = queue.push(1, {.party = 1, .name = name}, kIsWanted);
      for (const Named& item : unwanted) dropped += item.name;
    }
    return dropped;
  }
};

TEST_F(UnwantedTest, WhatIsNotWantedDoesNotPileUp) {
  FairQueue<Named> queue(1);
  EXPECT_EQ(push_all(queue, "a" + std::string(1'000, 'X')).size(), 999u);
  EXPECT_EQ(take_in_turn(queue), "aX");
}

TEST_F(UnwantedTest, WhatIsWantedStaysInItsOrder) {
  FairQueue<Named> queue(1);
  EXPECT_EQ(push_all(queue, "aXbYcZde"), "XY") << "five are not twice as many as three";
  EXPECT_EQ(take_in_turn(queue), "abcZde");
}

TEST_F(UnwantedTest, APartyThatHadNothingElseKeepsOnePlaceInTheRound) {
  FairQueue<Named> queue(1);
  EXPECT_EQ(push_all(queue, "XYa"), "XY");
  push(queue, "b");
  EXPECT_EQ(take_in_turn(queue), "ab");
  EXPECT_FALSE(queue.is_ready());
}

TEST_F(UnwantedTest, APartyOfWhichAllIsOutWaitsForItsTurn) {
  FairQueue<Named> queue(1);
  EXPECT_EQ(push_all(queue, "a"), "");
  queue.pop();
  EXPECT_EQ(push_all(queue, "XYb"), "XY");
  EXPECT_FALSE(queue.is_ready());
  queue.finish(1);
  EXPECT_EQ(take_in_turn(queue), "b");
}

// Many that were wanted once are no leave for as many in vain.
TEST_F(UnwantedTest, WhatWasTakenOutInTurnDoesNotCount) {
  FairQueue<Named> queue(1);
  push_all(queue, std::string(100, 'a'));
  EXPECT_EQ(take_in_turn(queue).size(), 100u);
  push_all(queue, std::string(100, 'X'));
  EXPECT_LE(take_in_turn(queue).size(), 2u);
}

TEST_F(UnwantedTest, AnItemCostsAConstantNumberOfQuestions) {
  constexpr std::size_t kItems = 10'000;
  FairQueue<int> queue(1);
  std::size_t questions = 0;
  for (std::size_t i = 0; i < kItems; ++i) {
    queue.push(0, 0, [&](int) { return ++questions > 0; });
  }
  EXPECT_LE(questions, 2 * kItems);
}

}  // namespace
}  // namespace runtime
