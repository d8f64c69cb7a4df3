#pragma once

// TCP sockets that never block. EINTR and EAGAIN stay inside.

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/fd.h"
#include "runtime/result.h"

namespace runtime {

// What became of one attempt to move bytes.
struct IoResult {
  enum class Status {
    kDone,     // `bytes` > 0 were moved
    kBlocked,  // none could be moved now
    kEnd,      // the peer has closed its side, or the file has ended
    kFailed,   // the connection is broken: `sys_errno`
  };
  Status status;
  std::size_t bytes = 0;
  int sys_errno = 0;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  bool is_loopback() const;
  std::uint16_t port() const;
  void set_port(std::uint16_t port);
  // "127.0.0.1" or "::1", without the port.
  std::string host() const;
  // "127.0.0.1:5432" or "[::1]:5432".
  std::string text() const;
};

// Resolves a host name or numeric address; "*" is any address, as in listen_addresses. Blocks.
Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port);

// Fails if another socket is bound to the address, even one that would share it.
Result<void> check_unused(const SocketAddress& address);
// A listening socket with SO_REUSEPORT, so that several acceptors can share the port.
Result<UniqueFd> listen_on(const SocketAddress& address, int backlog);
// The address that a socket is bound to, with the port that the kernel chose.
SocketAddress local_address(int fd);
// Whether both ends of a TCP connection are on this host, by their addresses. Pages that are sent
// to such a peer are not copied: they stay the file's until it has read them, also when TCP has
// acknowledged them.
bool is_within_host(int fd);

struct Accepted {
  UniqueFd fd;  // invalid when no connection is waiting
  SocketAddress peer;
  int sys_errno = 0;  // why fd is invalid, unless no connection was waiting
};
// Takes one waiting connection, with TCP_NODELAY and SO_KEEPALIVE as pqcomm.c's pq_init sets them.
Accepted accept_from(int listen_fd);

// Starts to connect; the socket becomes writable when that has succeeded or failed.
Result<UniqueFd> connect_to(const SocketAddress& address);
// The outcome of connect_to: 0, or an errno.
int connect_error(int fd);

// Bytes that were sent, and which the peer has not acknowledged.
std::uint64_t unacknowledged_bytes(int fd);
// The close to come throws away what was sent and is not acknowledged: the peer sees a reset.
void reset_on_close(int fd);

IoResult receive(int fd, std::span<std::byte> buffer);
// Drops up to `bytes` received bytes in the kernel, without copying them (MSG_TRUNC).
IoResult discard(int fd, std::size_t bytes);
// `more` tells the kernel that the rest of the segment follows at once (MSG_MORE).
IoResult send_vector(int fd, std::span<const iovec> pieces, bool more);
// From the page cache to the socket. Blocks if the pages are not cached.
IoResult send_file(int fd, int file, std::uint64_t offset, std::size_t bytes);

}  // namespace runtime
