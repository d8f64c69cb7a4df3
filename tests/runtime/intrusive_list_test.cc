#include "runtime/intrusive_list.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace runtime {
namespace {

struct Item {
  explicit Item(int item_number) : number(item_number) {}
  int number;
  ListLink<Item> link{*this};
};

std::vector<int> numbers(const IntrusiveList<Item>& list) {
  std::vector<int> found;
  list.for_each([&](const Item& item) { found.push_back(item.number); });
  return found;
}

struct IntrusiveListTest : testing::Test {
  Item a{1};
  Item b{2};
  Item c{3};
  IntrusiveList<Item> list;

  void SetUp() override {
    for (Item* item : {&a, &b, &c}) list.push_back(item->link);
  }
};

TEST_F(IntrusiveListTest, GivesItemsInTheOrderTheyCame) {
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_EQ(list.pop_front(), &b);
  EXPECT_EQ(list.pop_front(), &c);
  EXPECT_EQ(list.pop_front(), nullptr);
  EXPECT_TRUE(list.empty());
  EXPECT_FALSE(a.link.linked());
}

TEST_F(IntrusiveListTest, AnItemLeavesFromTheMiddle) {
  b.link.unlink();
  b.link.unlink();
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3}));
}

TEST_F(IntrusiveListTest, AnItemThatIsPushedAgainGoesToTheEnd) {
  list.push_back(a.link);
  EXPECT_EQ(numbers(list), (std::vector<int>{2, 3, 1}));
}

TEST_F(IntrusiveListTest, AnItemLeavesItsListForAnother) {
  IntrusiveList<Item> other;
  other.push_back(b.link);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3}));
  EXPECT_EQ(numbers(other), (std::vector<int>{2}));
}

TEST_F(IntrusiveListTest, AnItemThatDiesLeaves) {
  {
    Item d(4);
    list.push_back(d.link);
    EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3, 4}));
  }
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3}));
}

TEST_F(IntrusiveListTest, AListThatDiesLetsItsItemsGo) {
  std::optional<IntrusiveList<Item>> other(std::in_place);
  other->push_back(b.link);
  other.reset();
  EXPECT_FALSE(b.link.linked());
  list.push_back(b.link);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3, 2}));
}

TEST_F(IntrusiveListTest, TakesAllOfAnotherInOrder) {
  Item d(4);
  IntrusiveList<Item> other;
  other.push_back(d.link);
  other.take_all(list);
  EXPECT_EQ(numbers(other), (std::vector<int>{4, 1, 2, 3}));
  EXPECT_TRUE(list.empty());
  list.take_all(other);
  list.take_all(other);
  EXPECT_EQ(numbers(list), (std::vector<int>{4, 1, 2, 3})) << "an empty list has nothing to take";
  a.link.unlink();
  other.push_back(a.link);
  EXPECT_EQ(numbers(list), (std::vector<int>{4, 2, 3}));
}

}  // namespace
}  // namespace runtime
