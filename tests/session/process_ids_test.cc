#include "server/session/process_ids.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <vector>

namespace server::session {
namespace {

TEST(ProcessIdsTest, AreNeverOfTwoSessionsAtOnce) {
  ProcessIds ids(0x7FFFFFFD);
  std::vector<ProcessId> held;
  held.push_back(ids.take());
  held.push_back(ids.take());
  EXPECT_EQ(held[0].value(), 0x7FFFFFFEu);
  EXPECT_EQ(held[1].value(), 0x7FFFFFFFu);
  EXPECT_EQ(ids.take().value(), 1u) << "none is 0";
  EXPECT_EQ(ids.take().value(), 2u);
}

// The counter came round, and a session got the id of another one that was still there.
TEST(ProcessIdsTest, OneThatIsInUseIsPassedOverWhenTheyComeRound) {
  ProcessIds ids(0x7FFFFFFE);
  const ProcessId last = ids.take();
  std::optional<ProcessId> first = ids.take();
  EXPECT_EQ(first->value(), 1u);
  ids.go_on_after_for_test(0x7FFFFFFE);
  EXPECT_EQ(ids.take().value(), 2u) << "behind the last and the first";
  first.reset();
  ids.go_on_after_for_test(0x7FFFFFFE);
  EXPECT_EQ(ids.take().value(), 1u);
}

TEST(ProcessIdsTest, TheServersOwnIsNone) {
  const auto own = static_cast<std::uint32_t>(::getpid());
  ProcessIds ids(own - 1);
  EXPECT_EQ(ids.take().value(), own + 1);
}

TEST(ProcessIdsTest, OneThatWasMovedIsGivenBackOnce) {
  ProcessIds ids(100);
  {
    ProcessId first = ids.take();
    const ProcessId moved = std::move(first);
    EXPECT_EQ(moved.value(), 101u);
  }
  EXPECT_EQ(ids.take().value(), 102u);
}

}  // namespace
}  // namespace server::session
