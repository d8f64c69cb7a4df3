#include "runtime/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace runtime {
namespace {

UniqueFd open_null() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

TEST(UniqueFdTest, ClosesWhenItDies) {
  int raw = -1;
  {
    const UniqueFd fd = open_null();
    raw = fd.get();
    ASSERT_TRUE(fd.valid());
    EXPECT_TRUE(is_open(raw));
  }
  EXPECT_FALSE(is_open(raw));
}

TEST(UniqueFdTest, HoldsNothingByDefault) {
  const UniqueFd fd;
  EXPECT_FALSE(fd.valid());
  EXPECT_FALSE(static_cast<bool>(fd));
  EXPECT_EQ(fd.get(), -1);
}

TEST(UniqueFdTest, ZeroIsADescriptor) {
  UniqueFd fd(0);
  EXPECT_TRUE(fd.valid());
  EXPECT_EQ(fd.release(), 0);
}

TEST(UniqueFdTest, MovesWithoutClosing) {
  UniqueFd from = open_null();
  const int raw = from.get();
  const UniqueFd to(std::move(from));
  EXPECT_EQ(to.get(), raw);
  EXPECT_FALSE(from.valid());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_TRUE(is_open(raw));
}

TEST(UniqueFdTest, AssignmentClosesWhatWasHeld) {
  UniqueFd a = open_null();
  UniqueFd b = open_null();
  const int old = a.get();
  const int kept = b.get();
  a = std::move(b);
  EXPECT_EQ(a.get(), kept);
  EXPECT_FALSE(is_open(old));
  UniqueFd& same = a;
  a = std::move(same);
  EXPECT_TRUE(is_open(kept));
}

TEST(UniqueFdTest, ReleaseGivesTheDescriptorAway) {
  UniqueFd fd = open_null();
  const UniqueFd taken(fd.release());
  EXPECT_FALSE(fd.valid());
  fd.reset();
  EXPECT_TRUE(is_open(taken.get()));
}

}  // namespace
}  // namespace runtime
