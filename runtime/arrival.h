#pragma once

// When bytes came, as the kernel has noted it: a thread that has waited for a processor since then
// does not count as the network.

#include <sys/socket.h>

#include <cstdint>
#include <optional>

#include "runtime/clock.h"

namespace runtime {

// Has the kernel note when it receives what comes on a TCP socket (SO_TIMESTAMPNS); on no Unix
// socket. It may begin a while later if no socket of the host has asked before.
void note_arrivals(int fd);
// When the kernel had the last byte of what recvmsg(2) has read, in nanoseconds since the Unix
// epoch; none if it has not noted that.
std::optional<std::int64_t> arrival_of(msghdr& message);
// For how long the first byte in the socket has lain there; none if there is none, or the kernel
// has not noted when it came. A wall clock that is set meanwhile is believed. Does not block, and
// takes nothing out.
std::optional<Duration> time_in_socket(int fd);

}  // namespace runtime
