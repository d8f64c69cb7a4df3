#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/errors.h"
#include "server/wire/replication.h"

namespace bench::forwarder {

inline runtime::Error socket_error(std::string what) {
  return runtime::system_error(errno, std::move(what));
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

template <typename T>
void set_option(int fd, int level, int name, const T& value) {
  CHECK(::setsockopt(fd, level, name, &value, sizeof(value)) == 0);
}

inline server::wire::PgTimestamp wall_now() {
  return server::wire::to_pg_timestamp(runtime::SystemClock().wall_now());
}

}  // namespace bench::forwarder
