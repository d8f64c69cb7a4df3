#include "runtime/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>

#include "memctx/context.h"
#include "memctx/current.h"

namespace runtime {
namespace {

std::string name_in_thread(const std::string& name) {
  std::array<char, 16> seen{};
  NamedThread thread(name, [&](memctx::Context& /*top*/) {
    ::pthread_getname_np(::pthread_self(), seen.data(), seen.size());
  });
  thread.join();
  return seen.data();
}

TEST(NamedThreadTest, HasItsName) { EXPECT_EQ(name_in_thread("loop-12"), "loop-12"); }

TEST(NamedThreadTest, KeepsAsMuchOfALongNameAsTheKernelDoes) {
  EXPECT_EQ(name_in_thread("a-thread-with-a-name"), "a-thread-with-a");
}

TEST(NamedThreadTest, HasATopContextThatIsCurrent) {
  const memctx::Context* top_seen = nullptr;
  bool current = false;
  std::string name;
  {
    const NamedThread thread("t", [&](memctx::Context& top) {
      top_seen = &top;
      current = &memctx::current() == &top;
      name = top.name();
      EXPECT_NE(top.allocate(100), nullptr);
    });
  }
  EXPECT_NE(top_seen, nullptr);
  EXPECT_TRUE(current);
  EXPECT_EQ(name, "TopMemoryContext");
}

TEST(NamedThreadTest, IsJoinedAtItsEnd) {
  int plain = 0;  // the join orders the two writes
  {
    const NamedThread thread("t", [&](memctx::Context& /*top*/) { plain = 1; });
  }
  EXPECT_EQ(++plain, 2);
}

}  // namespace
}  // namespace runtime
