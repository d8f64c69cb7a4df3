#include "runtime/check.h"

#include <gtest/gtest.h>

#include <csignal>

namespace runtime {
namespace {

TEST(CheckDeathTest, AFailedCheckSaysWhereAndWhatAndAborts) {
  EXPECT_EXIT(CHECK(1 + 1 == 3), testing::KilledBySignal(SIGABRT),
              "walcast: bug: .*check_test\\.cc:[0-9]+: CHECK\\(1 \\+ 1 == 3\\)");
}

TEST(CheckDeathTest, TheUnreachableAborts) {
  EXPECT_EXIT(UNREACHABLE(), testing::KilledBySignal(SIGABRT), "bug: .* reached the unreachable");
}

TEST(CheckTest, AConditionIsEvaluatedOnce) {
  int evaluated = 0;
  CHECK(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

#ifdef NDEBUG
TEST(CheckTest, ADebugCheckIsNotEvaluatedInARelease) {
  int evaluated = 0;
  DCHECK(++evaluated == 7);
  EXPECT_EQ(evaluated, 0);
}
#else
TEST(CheckDeathTest, AFailedDebugCheckAborts) {
  EXPECT_EXIT(DCHECK(false), testing::KilledBySignal(SIGABRT), "CHECK\\(false\\)");
}
#endif

}  // namespace
}  // namespace runtime
