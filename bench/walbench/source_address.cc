#include "bench/walbench/source_address.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"

namespace bench::walbench {

namespace {

const sockaddr* as_sockaddr(const runtime::SocketAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}

void set_on(int fd, int level, int option) {
  const int on = 1;
  CHECK(::setsockopt(fd, level, option, &on, sizeof(on)) == 0);
}

}  // namespace

std::optional<runtime::SocketAddress> source_address(std::size_t standby,
                                                     const runtime::SocketAddress& server) {
  const std::size_t number = standby / kStandbysPerAddress;
  if (number == 0 || server.storage.ss_family != AF_INET || !server.is_loopback()) {
    return std::nullopt;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(number));
  runtime::SocketAddress source;
  std::memcpy(&source.storage, &address, sizeof(address));
  source.size = sizeof(address);
  return source;
}

// The port is chosen when it connects (IP_BIND_ADDRESS_NO_PORT): one that is taken for another
// server's connection may be had then.
runtime::Result<runtime::UniqueFd> connect_from(const runtime::SocketAddress& source,
                                                const runtime::SocketAddress& server) {
  runtime::UniqueFd fd(
      ::socket(server.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return runtime::system_error(errno, "could not create a socket");
  set_on(fd.get(), IPPROTO_TCP, TCP_NODELAY);
  set_on(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  if (::bind(fd.get(), as_sockaddr(source), source.size) != 0) {
    return runtime::system_error(errno, runtime::format("could not bind to {}", source.host()));
  }
  if (::connect(fd.get(), as_sockaddr(server), server.size) != 0 && errno != EINPROGRESS) {
    return runtime::system_error(errno, runtime::format("could not connect to {}", server.text()));
  }
  return fd;
}

}  // namespace bench::walbench
