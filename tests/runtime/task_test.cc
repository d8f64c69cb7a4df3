#include "runtime/task.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>

namespace runtime {
namespace {

// Counts its calls, and how many of it are alive, moved-from ones included.
struct Probe {
  int* calls;
  int* alive;

  Probe(int* call_count, int* alive_count) : calls(call_count), alive(alive_count) { ++*alive; }
  Probe(Probe&& other) noexcept : calls(other.calls), alive(other.alive) { ++*alive; }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  Probe& operator=(Probe&&) = delete;
  ~Probe() { --*alive; }
  void operator()() { ++*calls; }
};

struct TaskTest : testing::Test {
  Task probe() { return Task(Probe(&calls, &alive)); }
  int calls = 0;
  int alive = 0;
};

TEST_F(TaskTest, CallsWhatItHolds) {
  Task task = probe();
  EXPECT_EQ(alive, 1);
  task();
  task();
  EXPECT_EQ(calls, 2);
}

TEST_F(TaskTest, DestroysWhatItHoldsExactlyOnce) {
  { const Task task = probe(); }
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(calls, 0);
}

TEST_F(TaskTest, MovesWhatItHolds) {
  std::optional<Task> from(probe());
  Task to(std::move(*from));
  EXPECT_EQ(alive, 1);
  from.reset();
  EXPECT_EQ(alive, 1);
  to();
  EXPECT_EQ(calls, 1);
}

TEST_F(TaskTest, AssignmentDestroysWhatWasHeld) {
  int other_calls = 0;
  int other_alive = 0;
  Task task(Probe(&other_calls, &other_alive));
  task = probe();
  EXPECT_EQ(other_alive, 0);
  EXPECT_EQ(alive, 1);
  task();
  EXPECT_EQ(calls, 1);
  task = Task();
  EXPECT_EQ(alive, 0);
}

TEST_F(TaskTest, AssignmentToItselfKeepsIt) {
  Task task = probe();
  Task& same = task;
  task = std::move(same);
  EXPECT_EQ(alive, 1);
  task();
  EXPECT_EQ(calls, 1);
}

TEST_F(TaskTest, AnEmptyOneMovesAndDies) {
  Task empty;
  Task moved(std::move(empty));
  Task task = probe();
  task = std::move(moved);
  EXPECT_EQ(alive, 0);
}

// What is posted across loops: an owning pointer beside plain values.
TEST_F(TaskTest, HoldsAsMuchAsItSays) {
  std::array<std::uint64_t, 4> numbers{1, 2, 3, 4};
  std::uint64_t sum = 0;
  auto add = [numbers, &sum, owned = std::make_unique<std::uint64_t>(5)] {
    for (const std::uint64_t number : numbers) sum += number;
    sum += *owned;
  };
  static_assert(sizeof(add) == Task::kInlineBytes);
  Task task(std::move(add));
  Task moved(std::move(task));
  moved();
  EXPECT_EQ(sum, 15u);
}

}  // namespace
}  // namespace runtime
