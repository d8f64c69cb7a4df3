#pragma once

// TCP and Unix sockets that never block. EINTR and EAGAIN stay inside.

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <optional>
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
  bool is_unix() const { return storage.ss_family == AF_UNIX; }
  // These two only of TCP addresses.
  std::uint16_t port() const;
  void set_port(std::uint16_t port);
  // "127.0.0.1" or "::1", without the port; "[local]" of a Unix socket.
  std::string host() const;
  // "127.0.0.1:5432", "[::1]:5432" or "[local]".
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
// The address of the peer of a connection; none if there is no connection any more.
std::optional<SocketAddress> peer_address(int fd);

struct Accepted {
  UniqueFd fd;  // invalid when no connection is waiting
  SocketAddress peer;
  int sys_errno = 0;  // why fd is invalid, unless no connection was waiting
};
// Takes one waiting connection, one of TCP with TCP_NODELAY and SO_KEEPALIVE as pqcomm.c's pq_init
// sets them, which keeps 512 kB at most that are not sent (TCP_NOTSENT_LOWAT).
Accepted accept_from(int listen_fd);

// Starts to connect; the socket becomes writable when that has succeeded or failed.
Result<UniqueFd> connect_to(const SocketAddress& address);
// The outcome of connect_to: 0, or an errno.
int connect_error(int fd);

// Bytes that were sent, and which the peer has not acknowledged. On a Unix socket, the memory that
// holds what the peer has not read: more than the bytes.
std::uint64_t unacknowledged_bytes(int fd);
// Whether the close to come, be it by the end of the process, throws away what was sent and is not
// acknowledged: then the peer sees a reset.
void set_reset_on_close(int fd, bool resets);

IoResult receive(int fd, std::span<std::byte> buffer);
// Whether the peer sends no more, however much of what it has sent is still to be read.
bool has_hung_up(int fd);
// The same, and leaves in the socket what it has shown.
IoResult peek(int fd, std::span<std::byte> buffer);
// How many bytes lie in the socket for receive().
std::size_t unread_bytes(int fd);
// Drops up to `bytes` received bytes; those of TCP in the kernel, without copying them (MSG_TRUNC).
IoResult discard(int fd, std::size_t bytes);
// `more` tells the kernel that the rest of the segment follows at once (MSG_MORE).
IoResult send_vector(int fd, std::span<const iovec> pieces, bool more);
// From the page cache to the socket. Blocks if the pages are not cached.
IoResult send_file(int fd, int file, std::uint64_t offset, std::size_t bytes);

}  // namespace runtime
