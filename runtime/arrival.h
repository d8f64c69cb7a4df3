#pragma once

// When bytes came, as the kernel has noted it: a thread that has waited for a processor since then
// does not count as the network.

#include <sys/socket.h>

#include <cstdint>
#include <optional>

#include "runtime/clock.h"
#include "runtime/wall_clock_watch.h"

namespace runtime {

// Has the kernel note when it receives what comes on a TCP socket (SO_TIMESTAMPNS); on no Unix
// socket. It may begin a while later if no socket of the host has asked before.
void note_arrivals(int fd);
// When the kernel had the last byte of what recvmsg(2) has read, in nanoseconds since the Unix
// epoch; none if it has not noted that.
std::optional<std::int64_t> arrival_of(msghdr& message);

// For how long bytes have lain in a socket. The kernel notes their time by the wall clock; where
// that was set since, the time in the socket is not known.
//   Owner: the object that reads the socket.  Thread: the owner's.
class ArrivalClock {
 public:
  ArrivalClock() : watch_(read_clocks()) {}

  // For how long the first byte in the socket has lain there; none if there is none, or the kernel
  // has not noted when it came, or the wall clock was set since. Of a clock that was set back, what
  // came before that and is read only when the clock says that time again is told too short. Does
  // not block, and takes nothing out.
  std::optional<Duration> time_in_socket(int fd);
  // As much of what came at `arrived_ns`, by the wall clock.
  std::optional<Duration> since(std::int64_t arrived_ns, const ClockReading& now);

 private:
  void look(const ClockReading& now);

  WallClockWatch watch_;
  std::int64_t trusted_from_ns_ = 0;  // by a wall clock that was not set since
};

}  // namespace runtime
