#include "server/stats/threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/published.h"
#include "runtime/thread.h"

namespace server::stats {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::Field;

TEST(ThreadsTest, ReadsALineOfTheKernel) {
  const auto thread = parse_thread_stat(
      "4711 (loop-0) S 1 4711 4711 0 -1 4194368 99 0 0 0 250 50 0 0 20 0 5 0 1 2 3\n",
      milliseconds(10));
  ASSERT_TRUE(thread.has_value());
  EXPECT_EQ(thread->id, 4711);
  EXPECT_EQ(thread->name, "loop-0");
  EXPECT_EQ(thread->state, 'S');
  EXPECT_EQ(thread->cpu_time, milliseconds(3000));
}

TEST(ThreadsTest, ANameMayHaveParenthesesAndBlanks) {
  const auto thread =
      parse_thread_stat("7 (a) R (b) R 1 1 1 0 -1 0 0 0 0 0 1 2 0", milliseconds(1));
  ASSERT_TRUE(thread.has_value());
  EXPECT_EQ(thread->name, "a) R (b");
  EXPECT_EQ(thread->cpu_time, milliseconds(3));
}

TEST(ThreadsTest, WhatIsNoSuchLineIsNone) {
  for (const char* line : {"", "7", "7 (a", "7 (a)", "7 (a) ", "7 (a) R 1 2", "x (a) R 1 1 1 0 -1",
                           "7 (a) R 1 1 1 0 -1 0 0 0 0 0 u 2 0", ") (7 R"}) {
    EXPECT_EQ(parse_thread_stat(line, milliseconds(1)), std::nullopt) << line;
  }
}

TEST(ThreadsTest, ThoseOfThisProcessAreListed) {
  runtime::Published<bool> listed;
  const runtime::NamedThread thread("a-thread", [&](memctx::Context&) {
    while (!listed.load()) std::this_thread::yield();
  });
  std::vector<ThreadStatus> threads;
  while (threads.size() < 2 || threads.back().name != "a-thread") threads = list_threads();
  listed.store(true);
  EXPECT_THAT(threads, Contains(Field(&ThreadStatus::id, ::getpid())));
}

}  // namespace
}  // namespace server::stats
