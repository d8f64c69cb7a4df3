#include "runtime/tcp_timeouts.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/fd.h"
#include "runtime/format.h"

namespace runtime {

namespace {

struct Option {
  int number;
  const char* name;
  int TcpTimeouts::*value;
};

constexpr Option kOptions[]{
    {TCP_KEEPIDLE, "TCP_KEEPIDLE", &TcpTimeouts::keepalive_idle_s},
    {TCP_KEEPINTVL, "TCP_KEEPINTVL", &TcpTimeouts::keepalive_interval_s},
    {TCP_KEEPCNT, "TCP_KEEPCNT", &TcpTimeouts::keepalive_count},
    {TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT", &TcpTimeouts::user_timeout_ms},
};

TcpTimeouts timeouts_of(int fd) {
  TcpTimeouts timeouts;
  for (const Option& option : kOptions) {
    socklen_t size = sizeof(int);
    CHECK(::getsockopt(fd, IPPROTO_TCP, option.number, &(timeouts.*option.value), &size) == 0);
  }
  return timeouts;
}

}  // namespace

const TcpTimeouts& system_tcp_timeouts() {
  static const TcpTimeouts timeouts = [] {
    const UniqueFd fresh(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return fresh ? timeouts_of(fresh.get()) : TcpTimeouts{};
  }();
  return timeouts;
}

// Unix sockets have none, which is no error (pqcomm.c, pq_setkeepalivesidle).
Result<void> set_tcp_timeouts(int fd, const TcpTimeouts& timeouts) {
  int domain = 0;
  socklen_t domain_size = sizeof(domain);
  CHECK(::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) == 0);
  if (domain == AF_UNIX) return {};
  Result<void> done;
  for (const Option& option : kOptions) {
    const int wanted = timeouts.*option.value;
    const int value = wanted != 0 ? wanted : system_tcp_timeouts().*option.value;
    if (::setsockopt(fd, IPPROTO_TCP, option.number, &value, sizeof(value)) == 0 || !done) continue;
    done = system_error(errno, format("setsockopt({}) failed for {}", option.name, value));
  }
  return done;
}

}  // namespace runtime
