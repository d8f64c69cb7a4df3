#include "runtime/arrival.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "runtime/fd.h"
#include "tests/runtime/arrival_notes.h"
#include "tests/runtime/loopback.h"

namespace runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using tests::ArrivalNotes;
using tests::Loopback;

TEST(ArrivalTest, AnEmptySocketHasNoTime) {
  const Loopback sockets;
  note_arrivals(sockets.here());
  EXPECT_FALSE(ArrivalClock().time_in_socket(sockets.here()).has_value());
}

TEST(ArrivalTest, AByteIsAsOldAsItsTimeInTheSocket) {
  const ArrivalNotes notes;
  Loopback sockets;
  note_arrivals(sockets.here());
  ArrivalClock arrivals;
  const SystemClock clock;
  const Instant before = clock.now();
  sockets.send_from_there("12345");
  ASSERT_TRUE(tests::await(sockets.here(), POLLIN));
  const Instant there = clock.now();
  while (clock.now() - there < std::chrono::milliseconds(2)) std::this_thread::yield();
  const auto waited = arrivals.time_in_socket(sockets.here());
  ASSERT_TRUE(waited.has_value());
  EXPECT_GE(*waited, std::chrono::milliseconds(2));
  EXPECT_LE(*waited, clock.now() - before);
}

TEST(ArrivalTest, NothingIsTakenOut) {
  const ArrivalNotes notes;
  Loopback sockets;
  note_arrivals(sockets.here());
  sockets.send_from_there("12345");
  ASSERT_TRUE(tests::await(sockets.here(), POLLIN));
  EXPECT_TRUE(ArrivalClock().time_in_socket(sockets.here()).has_value());
  std::byte buffer[8];
  EXPECT_EQ(receive(sockets.here(), buffer).bytes, 5u);
}

TEST(ArrivalTest, ASocketThatDoesNotAskHasNoTime) {
  const ArrivalNotes notes;
  Loopback sockets;
  sockets.send_from_there("12345");
  ASSERT_TRUE(tests::await(sockets.here(), POLLIN));
  EXPECT_FALSE(ArrivalClock().time_in_socket(sockets.here()).has_value());
}

TEST(ArrivalTest, TheKernelNotesNothingOnAUnixSocket) {
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  const UniqueFd here(fds[0]);
  const UniqueFd there(fds[1]);
  note_arrivals(here.get());
  ASSERT_EQ(::send(there.get(), "1", 1, 0), 1);
  EXPECT_FALSE(ArrivalClock().time_in_socket(here.get()).has_value());
}

// The clocks of a machine whose wall clock is set.
struct SetClockTest : ::testing::Test {
  ClockReading pass(Duration time, Duration step = {}) {
    now.steady += time;
    now.wall_ns += (time + step).count();
    return now;
  }
  ClockReading now = read_clocks();
  ArrivalClock arrivals;
};

TEST_F(SetClockTest, WhatCameBeforeTheClockWasSetHasNoTime) {
  for (const Duration step :
       {Duration(hours(3)), Duration(-hours(3)), Duration(milliseconds(50))}) {
    const std::int64_t arrived = now.wall_ns;
    EXPECT_EQ(arrivals.since(arrived, pass(milliseconds(20))), milliseconds(20));
    EXPECT_EQ(arrivals.since(arrived, pass(milliseconds(20), step)), std::nullopt);
    EXPECT_EQ(arrivals.since(arrived, pass(milliseconds(20))), std::nullopt);
    const std::int64_t later = now.wall_ns;
    EXPECT_EQ(arrivals.since(later, pass(milliseconds(7))), milliseconds(7));
  }
}

// Where that cannot be told apart, it is too short, and no less than nothing.
TEST_F(SetClockTest, AClockThatWasSetBackALittleMakesNoTimeLonger) {
  const std::int64_t arrived = now.wall_ns;
  EXPECT_EQ(arrivals.since(arrived, pass(milliseconds(20), -milliseconds(50))), std::nullopt);
  EXPECT_EQ(arrivals.since(arrived, pass(milliseconds(40))), milliseconds(10));
}

// Nothing lies in the socket when the clock is set, and that is seen all the same.
TEST_F(SetClockTest, WhatCameAfterItWasSetHasATime) {
  pass(seconds(30), -hours(1));
  const std::int64_t arrived = now.wall_ns;
  EXPECT_EQ(arrivals.since(arrived, pass(milliseconds(3))), std::nullopt) << "not seen before";
  const std::int64_t next = now.wall_ns;
  EXPECT_EQ(arrivals.since(next, pass(milliseconds(3))), milliseconds(3));
}

TEST_F(SetClockTest, AClockThatIsSlewedIsTrusted) {
  for (int i = 0; i < 100; ++i) {
    const std::int64_t arrived = now.wall_ns;
    const auto waited = arrivals.since(arrived, pass(seconds(10), milliseconds(5)));
    ASSERT_TRUE(waited.has_value());
    EXPECT_LE(*waited, seconds(10) + milliseconds(5));
  }
}

TEST(WallClockWatchTest, SaysByHowMuchItWasSet) {
  ClockReading now{.steady = Instant(hours(1)), .wall_ns = 1'700'000'000'000'000'000};
  WallClockWatch watch(now);
  now.steady += seconds(1);
  now.wall_ns += Duration(seconds(1)).count();
  EXPECT_EQ(watch.look(now), Duration::zero());
  now.steady += seconds(1);
  now.wall_ns -= Duration(seconds(9)).count();
  EXPECT_EQ(watch.look(now), -seconds(10));
  EXPECT_EQ(watch.look(now), Duration::zero());
}

TEST(WallClockWatchTest, TheMachinesOwnClocksAreReadTogether) {
  WallClockWatch watch(read_clocks());
  int steps = 0;
  for (int i = 0; i < 1000; ++i) steps += watch.look(read_clocks()) != Duration::zero() ? 1 : 0;
  EXPECT_LE(steps, 10);  // a machine that is very busy
}

}  // namespace
}  // namespace runtime
