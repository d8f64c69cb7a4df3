#include "server/listeners.h"

#include <utility>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/service_manager.h"

namespace server {

using runtime::format;
using runtime::Result;
using runtime::SocketAddress;

namespace {

constexpr int kBacklog = 4096;

std::string named(const SocketAddress& address) {
  if (address.is_unix()) return "Unix socket";
  return format("{} address \"{}\", port {}",
                address.storage.ss_family == AF_INET6 ? "IPv6" : "IPv4", address.host(),
                address.port());
}

runtime::Error nothing_to_listen_on() {
  return {.kind = &runtime::kInternal, .what = "no socket created for listening"};
}

}  // namespace

Result<void> Listeners::find() {
  passed_ = TRY(runtime::take_passed_sockets());
  for (const runtime::UniqueFd& fd : passed_) {
    TRY(check_reach(runtime::local_address(fd.get()), options_.reach));
  }
  if (!passed_.empty() || options_.addresses.empty()) return {};
  addresses_ = TRY(find_listen_addresses(options_.addresses, options_.port, options_.reach));
  return {};
}

Result<std::string> Listeners::look() const {
  std::string all;
  if (!options_.addresses.empty()) {
    for (const SocketAddress& address :
         TRY(find_listen_addresses(options_.addresses, options_.port, options_.reach))) {
      if (options_.port != 0) TRY(runtime::check_unused(address));
      all += (all.empty() ? "" : ", ") + address.text();
    }
  }
  for (const std::string& directory : options_.unix_directories) {
    TRY(runtime::UnixSocket::look(unix_options(directory, options_.port)));
    all += (all.empty() ? "" : ", ") + directory;
  }
  if (all.empty()) return nothing_to_listen_on();
  return all;
}

runtime::UnixSocket::Options Listeners::unix_options(const std::string& directory,
                                                     std::uint16_t port) const {
  return {.directory = directory,
          .port = port,
          .permissions = options_.unix_permissions,
          .group = options_.unix_group,
          .server_directory = options_.server_directory,
          .backlog = kBacklog};
}

// A Unix socket is named after the port, which the first address may have to find.
Result<void> Listeners::listen(const std::vector<std::unique_ptr<Acceptor>>& acceptors) {
  for (runtime::UniqueFd& fd : passed_) {
    const SocketAddress address = runtime::local_address(fd.get());
    note(named(address), address.text());
    acceptors.front()->listen(std::move(fd));
  }
  if (!passed_.empty()) return {};
  TRY(listen_on_addresses(acceptors));
  TRY(listen_on_unix_sockets(*acceptors.front()));
  if (names_.empty()) return nothing_to_listen_on();
  return {};
}

// With SO_REUSEPORT a second server of the same user could share the port unnoticed, so each
// address is first bound without it. With port 0 the first address gets a free port, and all others
// the same one.
Result<void> Listeners::listen_on_addresses(
    const std::vector<std::unique_ptr<Acceptor>>& acceptors) {
  port_ = options_.port;
  for (const auto& acceptor : acceptors) {
    const bool is_first = acceptor == acceptors.front();
    for (SocketAddress& address : addresses_) {
      address.set_port(port_);
      if (is_first) TRY(runtime::check_unused(address));
      runtime::UniqueFd fd = TRY(runtime::listen_on(address, kBacklog));
      address = runtime::local_address(fd.get());
      port_ = address.port();
      acceptor->listen(std::move(fd));
      if (is_first) note(named(address), address.text());
    }
  }
  return {};
}

// A directory that cannot be had is left out if there is another one; a lock that another server
// has is an error always (postmaster.c).
Result<void> Listeners::listen_on_unix_sockets(Acceptor& acceptor) {
  if (options_.unix_directories.empty()) return {};
  if (port_ == 0) {
    return runtime::Error{.kind = &runtime::kInvalidParameterValue,
                          .what = "a Unix socket needs a port for its name",
                          .hint = "Set port, or listen on an address too."};
  }
  for (const std::string& directory : options_.unix_directories) {
    auto made = runtime::UnixSocket::listen(unix_options(directory, port_));
    if (!made && made.error().kind == &runtime::kLockFileExists) return std::move(made).error();
    if (!made) {
      runtime::log::report(runtime::log::Level::kLog, made.error());
      runtime::log::warning("could not create Unix-domain socket in directory \"{}\"", directory);
      continue;
    }
    note(format("Unix socket \"{}\"", (*made)->path()), (*made)->path());
    acceptor.listen((*made)->take_fd());
    unix_sockets_.push_back(std::move(*made));
  }
  if (!unix_sockets_.empty()) return {};
  return runtime::Error{.kind = &runtime::kInternal,
                        .what = "could not create any Unix-domain sockets"};
}

void Listeners::note(std::string what, std::string name) {
  runtime::log::log("listening on {}", what);
  names_.push_back(std::move(name));
}

Listeners::Options listener_options(const config::ServeConfig& config) {
  return {.addresses = config.listen_addresses,
          .unix_directories = config.unix_socket_directories,
          .unix_permissions = config.unix_socket_permissions,
          .unix_group = config.unix_socket_group,
          .server_directory =
              config.spool_directory.empty() ? config.wal_directory : config.spool_directory,
          .port = config.port,
          .reach = config.access_files.hba.empty() ? Reach::kThisHost : Reach::kAnyHost};
}

}  // namespace server
