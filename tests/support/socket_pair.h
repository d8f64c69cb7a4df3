#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "runtime/check.h"
#include "runtime/fd.h"

namespace tests {

// Two connected stream sockets that never block: what one side sends is there at once, so that a
// test needs no waiting.
struct SocketPair {
  runtime::UniqueFd ours;
  runtime::UniqueFd peer;

  // Of our side; 0: the system's default. The kernel doubles it.
  explicit SocketPair(int send_buffer_bytes = 0) {
    int fds[2];
    CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    ours.reset(fds[0]);
    peer.reset(fds[1]);
    if (send_buffer_bytes > 0) set_send_buffer(ours.get(), send_buffer_bytes);
  }

  static void set_send_buffer(int fd, int bytes) {
    CHECK(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
  }
};

// Appends what has arrived at `fd`, at most `bytes_max`, to `received`. Returns whether that was
// anything.
inline bool receive_into(std::string& received, int fd, std::size_t bytes_max = 1 << 20) {
  int waiting = 0;
  if (::ioctl(fd, FIONREAD, &waiting) != 0) return false;
  std::string buffer(std::min(bytes_max, static_cast<std::size_t>(waiting)), '\0');
  const ssize_t bytes = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (bytes > 0) received.append(buffer, 0, static_cast<std::size_t>(bytes));
  return bytes > 0;
}

}  // namespace tests
