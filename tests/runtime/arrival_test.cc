#include "runtime/arrival.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "runtime/fd.h"
#include "tests/runtime/arrival_notes.h"
#include "tests/runtime/loopback.h"

namespace runtime {
namespace {

using tests::ArrivalNotes;
using tests::Loopback;

TEST(ArrivalTest, AnEmptySocketHasNoTime) {
  const Loopback sockets;
  note_arrivals(sockets.here());
  EXPECT_FALSE(time_in_socket(sockets.here()).has_value());
}

TEST(ArrivalTest, AByteIsAsOldAsItsTimeInTheSocket) {
  const ArrivalNotes notes;
  Loopback sockets;
  note_arrivals(sockets.here());
  const SystemClock clock;
  const Instant before = clock.now();
  sockets.send_from_there("12345");
  ASSERT_TRUE(tests::await(sockets.here(), POLLIN));
  const Instant there = clock.now();
  while (clock.now() - there < std::chrono::milliseconds(2)) std::this_thread::yield();
  const auto waited = time_in_socket(sockets.here());
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
  EXPECT_TRUE(time_in_socket(sockets.here()).has_value());
  std::byte buffer[8];
  EXPECT_EQ(receive(sockets.here(), buffer).bytes, 5u);
}

TEST(ArrivalTest, ASocketThatDoesNotAskHasNoTime) {
  const ArrivalNotes notes;
  Loopback sockets;
  sockets.send_from_there("12345");
  ASSERT_TRUE(tests::await(sockets.here(), POLLIN));
  EXPECT_FALSE(time_in_socket(sockets.here()).has_value());
}

TEST(ArrivalTest, TheKernelNotesNothingOnAUnixSocket) {
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  const UniqueFd here(fds[0]);
  const UniqueFd there(fds[1]);
  note_arrivals(here.get());
  ASSERT_EQ(::send(there.get(), "1", 1, 0), 1);
  EXPECT_FALSE(time_in_socket(here.get()).has_value());
}

}  // namespace
}  // namespace runtime
