#include "memctx/current.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "memctx/context.h"

namespace memctx {
namespace {

TEST(CurrentTest, GuardsNestAndRestore) {
  EXPECT_EQ(current_or_null(), nullptr);
  Context top("Top");
  Context& message = top.create_child("Message");
  {
    const CurrentGuard in_top(top);
    EXPECT_EQ(&current(), &top);
    {
      const CurrentGuard in_message(message);
      EXPECT_EQ(&current(), &message);
      {
        const CurrentGuard in_top_again(top);
        EXPECT_EQ(&current(), &top);
      }
      EXPECT_EQ(&current(), &message);
    }
    EXPECT_EQ(&current(), &top);
  }
  EXPECT_EQ(current_or_null(), nullptr);
}

TEST(CurrentTest, EachThreadHasItsOwn) {
  Context top("Top");
  const CurrentGuard in_top(top);
  std::thread([] {
    EXPECT_EQ(current_or_null(), nullptr);
    Context other("Other");
    const CurrentGuard in_other(other);
    EXPECT_EQ(&current(), &other);
  }).join();
  EXPECT_EQ(&current(), &top);
}

TEST(CurrentTest, AResetLeavesTheContextCurrent) {
  Context message("Message");
  const CurrentGuard in_message(message);
  message.reset();
  EXPECT_EQ(&current(), &message);
}

#ifndef NDEBUG
TEST(CurrentDeathTest, NoContextIsCurrentWithoutAGuard) {
  EXPECT_DEATH(static_cast<void>(current()), "no context is current");
}

TEST(CurrentDeathTest, GuardsEndInReverseOrder) {
  EXPECT_DEATH(
      {
        Context top("Top");
        std::optional<CurrentGuard> first(top);
        Context other("Other");
        std::optional<CurrentGuard> second(other);
        first.reset();
      },
      "reverse order");
}

TEST(CurrentDeathTest, TheCurrentContextMayNotBeDeleted) {
  EXPECT_DEATH(
      {
        Context top("Top");
        Context& child = top.create_child("child");
        const CurrentGuard in_child(child);
        top.reset();
      },
      "current context is deleted");
}
#endif

}  // namespace
}  // namespace memctx
