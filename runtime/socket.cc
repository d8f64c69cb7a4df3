#include "runtime/socket.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

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
  if (storage.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
}

void SocketAddress::set_port(std::uint16_t port) {
  if (storage.ss_family == AF_INET) {
    reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in6&>(storage).sin6_port = htons(port);
  }
}

std::string SocketAddress::host() const {
  char text[INET6_ADDRSTRLEN] = "?";
  const void* raw =
      storage.ss_family == AF_INET
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(storage).sin_addr)
          : &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
  ::inet_ntop(storage.ss_family, raw, text, sizeof(text));
  return text;
}

std::string SocketAddress::text() const {
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
  return address;
}

bool is_within_host(int fd) {
  const SocketAddress ours = local_address(fd);
  SocketAddress peer{.size = sizeof(sockaddr_storage)};
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size) != 0) return false;
  if (peer.storage.ss_family == AF_INET) {
    const auto& mine = reinterpret_cast<const sockaddr_in&>(ours.storage);
    const auto& its = reinterpret_cast<const sockaddr_in&>(peer.storage);
    return peer.is_loopback() || mine.sin_addr.s_addr == its.sin_addr.s_addr;
  }
  if (peer.storage.ss_family != AF_INET6) return false;
  const auto& mine = reinterpret_cast<const sockaddr_in6&>(ours.storage);
  const auto& its = reinterpret_cast<const sockaddr_in6&>(peer.storage);
  return peer.is_loopback() || IN6_ARE_ADDR_EQUAL(&mine.sin6_addr, &its.sin6_addr);
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
  set_option(accepted.fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(accepted.fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
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

void reset_on_close(int fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  CHECK(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
}

IoResult receive(int fd, std::span<std::byte> buffer) {
  return io_result(
      retry_on_signal([&] { return ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT); }),
      IoResult::Status::kEnd);
}

IoResult discard(int fd, std::size_t bytes) {
  // Not recv(): of that the thread sanitizer believes that it writes to the buffer, which is none.
  return io_result(retry_on_signal([&] {
                     return ::syscall(SYS_recvfrom, fd, nullptr, bytes, MSG_DONTWAIT | MSG_TRUNC,
                                      nullptr, nullptr);
                   }),
                   IoResult::Status::kEnd);
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
