#include "server/addresses.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/log.h"

namespace server {

using runtime::format;
using runtime::SocketAddress;

namespace {

runtime::Error not_loopback(const std::string& host) {
  return {.kind = &runtime::kInternal,
          .what = format("will not listen on \"{}\" without authentication", host),
          .hint =
              "Any client of that address could read all WAL. Set hba_file, or listen on a "
              "loopback address, such as localhost."};
}

bool is_missing_here(const runtime::Error& error) {
  return error.sys_errno == EADDRNOTAVAIL || error.sys_errno == EAFNOSUPPORT;
}

void log_missing(const SocketAddress& address, int sys_errno) {
  const char* const family = address.storage.ss_family == AF_INET6 ? "IPv6" : "IPv4";
  const std::string why = std::generic_category().message(sys_errno);
  if (sys_errno == EAFNOSUPPORT) {
    runtime::log::log("could not create {} socket for address \"{}\": {}", family, address.host(),
                      why);
  } else {
    runtime::log::log("could not bind {} address \"{}\": {}", family, address.host(), why);
  }
}

}  // namespace

runtime::Result<void> check_reach(const SocketAddress& address, Reach reach) {
  if (reach == Reach::kAnyHost || address.is_unix() || address.is_loopback()) return {};
  return not_loopback(address.host());
}

runtime::Result<std::vector<SocketAddress>> find_listen_addresses(
    const std::vector<std::string>& hosts, std::uint16_t port, Reach reach,
    const std::function<runtime::Result<void>(const SocketAddress&)>& try_to_bind) {
  std::vector<SocketAddress> found;
  for (const std::string& host : hosts) {
    bool has_one = false;
    for (SocketAddress address : TRY(runtime::resolve(host, port))) {
      if (!check_reach(address, reach)) return not_loopback(host);
      address.set_port(0);  // whether the port is free is another question
      const auto bound = try_to_bind(address);
      address.set_port(port);
      if (!bound && is_missing_here(bound.error())) {
        log_missing(address, bound.error().sys_errno);
        continue;
      }
      has_one = true;
      const bool known = std::any_of(found.begin(), found.end(), [&](const SocketAddress& other) {
        return other.text() == address.text();
      });
      if (!known) found.push_back(address);
    }
    if (!has_one) runtime::log::warning("could not create listen socket for \"{}\"", host);
  }
  if (found.empty()) {
    return runtime::Error{.kind = &runtime::kInternal,
                          .what = "could not create any TCP/IP sockets"};
  }
  return found;
}

}  // namespace server
