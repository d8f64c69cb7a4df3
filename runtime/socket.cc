#include "runtime/socket.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/system_call.h"

namespace runtime {

namespace {

// How a system call that moves bytes has ended. `at_zero` is what no bytes mean.
IoResult io_result(ssize_t moved, IoResult::Status at_zero) {
  if (moved > 0)
    return {.status = IoResult::Status::kDone, .bytes = static_cast<std::size_t>(moved)};
  if (moved == 0) return {.status = at_zero};
  if (errno == EAGAIN) return {.status = IoResult::Status::kBlocked};
  return {.status = IoResult::Status::kFailed, .sys_errno = errno};
}

// Without a limit the kernel lets the buffer of a socket grow with its connection's rate, to
// megabytes (tcp_wmem), which a peer that stops reading keeps. Bytes that are on their way to the
// peer do not count, so a long way wants no more of them.
constexpr int kUnsentBytesMax = 512 * 1024;

void set_option(int fd, int level, int name, int value) {
  CHECK(::setsockopt(fd, level, name, &value, sizeof(value)) == 0);
}

const sockaddr* as_sockaddr(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}

Error socket_error(const char* what, const SocketAddress& address) {
  return system_error(errno, format("could not {} \"{}\"", what, address.text()));
}

Result<UniqueFd> bind_to(const SocketAddress& address, bool shared) {
  UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return socket_error("create socket for", address);
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (shared) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.storage.ss_family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (::bind(fd.get(), as_sockaddr(address), address.size) != 0) {
    return socket_error("bind", address);
  }
  return fd;
}

// A socket that was passed to the process may take clients of IPv4 under IPv6 (RFC 4291, 2.5.5.2):
// no rule of IPv4 would know them by such an address.
void unmap(SocketAddress& address) {
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  if (address.storage.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = v6.sin6_port;
  std::memcpy(&v4.sin_addr, &v6.sin6_addr.s6_addr[12], sizeof(v4.sin_addr));
  address.storage = {};
  std::memcpy(&address.storage, &v4, sizeof(v4));
  address.size = sizeof(v4);
}

}  // namespace

bool SocketAddress::is_loopback() const {
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
  return storage.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

std::uint16_t SocketAddress::port() const {
  DCHECK(!is_unix());
  if (storage.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
}

void SocketAddress::set_port(std::uint16_t port) {
  DCHECK(!is_unix());
  if (storage.ss_family == AF_INET) {
    reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in6&>(storage).sin6_port = htons(port);
  }
}

std::string SocketAddress::host() const {
  if (is_unix()) return "[local]";
  char text[INET6_ADDRSTRLEN] = "?";
  const void* raw =
      storage.ss_family == AF_INET
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(storage).sin_addr)
          : &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
  ::inet_ntop(storage.ss_family, raw, text, sizeof(text));
  return text;
}

std::string SocketAddress::text() const {
  if (is_unix()) return host();
  return storage.ss_family == AF_INET6 ? format("[{}]:{}", host(), port())
                                       : format("{}:{}", host(), port());
}

Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host == "*" ? nullptr : host.c_str(),
                                   std::to_string(port).c_str(), &hints, &found);
  if (failed != 0) {
    return Error{.kind = &kInternal,
                 .what = format("could not translate host name \"{}\" to address: {}", host,
                                ::gai_strerror(failed))};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    SocketAddress address{.size = info->ai_addrlen};
    std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    addresses.push_back(address);
  }
  return addresses;
}

Result<void> check_unused(const SocketAddress& address) {
  const UniqueFd alone = TRY(bind_to(address, /*shared=*/false));
  return {};
}

Result<UniqueFd> listen_on(const SocketAddress& address, int backlog) {
  UniqueFd fd = TRY(bind_to(address, /*shared=*/true));
  if (::listen(fd.get(), backlog) != 0) return socket_error("listen on", address);
  return fd;
}

SocketAddress local_address(int fd) {
  SocketAddress address{.size = sizeof(sockaddr_storage)};
  CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) == 0);
  unmap(address);
  return address;
}

std::optional<SocketAddress> peer_address(int fd) {
  SocketAddress peer{.size = sizeof(sockaddr_storage)};
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size) != 0) {
    return std::nullopt;
  }
  unmap(peer);
  return peer;
}

Accepted accept_from(int listen_fd) {
  Accepted accepted;
  accepted.peer.size = sizeof(sockaddr_storage);
  accepted.fd.reset(static_cast<int>(retry_on_signal([&] {
    return static_cast<ssize_t>(::accept4(listen_fd,
                                          reinterpret_cast<sockaddr*>(&accepted.peer.storage),
                                          &accepted.peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  })));
  if (!accepted.fd) {
    // ECONNABORTED: the peer gave up while it waited, which is no error of this host.
    if (errno != EAGAIN && errno != ECONNABORTED) accepted.sys_errno = errno;
    return accepted;
  }
  unmap(accepted.peer);
  if (accepted.peer.is_unix()) return accepted;
  set_option(accepted.fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(accepted.fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(accepted.fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytesMax);
  return accepted;
}

Result<UniqueFd> connect_to(const SocketAddress& address) {
  UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return socket_error("create socket for", address);
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (::connect(fd.get(), as_sockaddr(address), address.size) != 0 && errno != EINPROGRESS) {
    return socket_error("connect to", address);
  }
  return fd;
}

int connect_error(int fd) {
  int error = 0;
  socklen_t size = sizeof(error);
  CHECK(::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
  return error;
}

std::uint64_t unacknowledged_bytes(int fd) {
  int bytes = 0;
  CHECK(::ioctl(fd, SIOCOUTQ, &bytes) == 0);
  return static_cast<std::uint64_t>(bytes);
}

void set_reset_on_close(int fd, bool resets) {
  const linger at_once{.l_onoff = resets ? 1 : 0, .l_linger = 0};
  CHECK(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
}

namespace {

IoResult receive_with(int flags, int fd, std::span<std::byte> buffer) {
  const auto call = [&] { return ::recv(fd, buffer.data(), buffer.size(), flags | MSG_DONTWAIT); };
  return io_result(retry_on_signal(call), IoResult::Status::kEnd);
}

}  // namespace

bool has_hung_up(int fd) {
  pollfd watched{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&watched, 1, 0) > 0;
}

IoResult receive(int fd, std::span<std::byte> buffer) { return receive_with(0, fd, buffer); }
IoResult peek(int fd, std::span<std::byte> buffer) { return receive_with(MSG_PEEK, fd, buffer); }

std::size_t unread_bytes(int fd) {
  int bytes = 0;
  CHECK(::ioctl(fd, SIOCINQ, &bytes) == 0);
  return static_cast<std::size_t>(bytes);
}

// A Unix socket does not know MSG_TRUNC, and says that there is no buffer.
IoResult discard(int fd, std::size_t bytes) {
  // Not recv(): of that the thread sanitizer believes that it writes to the buffer, which is none.
  const IoResult result = io_result(retry_on_signal([&] {
                                      return ::syscall(SYS_recvfrom, fd, nullptr, bytes,
                                                       MSG_DONTWAIT | MSG_TRUNC, nullptr, nullptr);
                                    }),
                                    IoResult::Status::kEnd);
  if (result.status != IoResult::Status::kFailed || result.sys_errno != EFAULT) return result;
  std::array<std::byte, 16 * 1024> buffer;
  return receive(fd, std::span(buffer).first(std::min(bytes, buffer.size())));
}

IoResult send_vector(int fd, std::span<const iovec> pieces, bool more) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  return io_result(retry_on_signal([&] { return ::sendmsg(fd, &message, flags); }),
                   IoResult::Status::kBlocked);
}

IoResult send_file(int fd, int file, std::uint64_t offset, std::size_t bytes) {
  auto position = static_cast<off_t>(offset);
  return io_result(retry_on_signal([&] { return ::sendfile(fd, file, &position, bytes); }),
                   IoResult::Status::kEnd);
}

}  // namespace runtime
