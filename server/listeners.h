#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "runtime/socket.h"
#include "runtime/unix_socket.h"
#include "server/acceptor.h"
#include "server/addresses.h"
#include "server/config/config.h"

namespace server {

// What the server listens on: the sockets that the service manager has passed, if there are any;
// else its addresses and the Unix sockets of its directories.
//   Owner: Server.  Thread: main's; blocks on the resolver and on files.
//   Invariant: the files of Unix sockets are there as long as this.
class Listeners {
 public:
  struct Options {
    std::vector<std::string> addresses;
    std::vector<std::string> unix_directories;
    unsigned unix_permissions = 0777;
    std::string unix_group;
    std::string server_directory;  // for the reader of a lock file
    std::uint16_t port = 0;
    Reach reach = Reach::kThisHost;
  };

  explicit Listeners(Options options) : options_(std::move(options)) {}

  // Whether a server could listen, as far as a look can tell: what it would listen on.
  runtime::Result<std::string> look() const;

  // Finds what to listen on, so that what is wrong with it is known before anything is begun.
  runtime::Result<void> find();
  // Listens, and gives the acceptors their sockets. REQUIRES: find() has succeeded.
  runtime::Result<void> listen(const std::vector<std::unique_ptr<Acceptor>>& acceptors);
  // The first, as an operator reads it. REQUIRES: listen() has succeeded.
  const std::string& first() const { return names_.front(); }
  // Keeps the files of Unix sockets young. To be called every UnixSocket::kTouchInterval.
  void touch_files() const {
    for (const auto& socket : unix_sockets_) socket->touch();
  }

 private:
  runtime::UnixSocket::Options unix_options(const std::string& directory, std::uint16_t port) const;
  runtime::Result<void> listen_on_addresses(
      const std::vector<std::unique_ptr<Acceptor>>& acceptors);
  runtime::Result<void> listen_on_unix_sockets(Acceptor& acceptor);
  void note(std::string what, std::string name);

  const Options options_;
  std::vector<runtime::UniqueFd> passed_;
  std::vector<runtime::SocketAddress> addresses_;
  std::uint16_t port_ = 0;  // that the first address has got
  std::vector<std::unique_ptr<runtime::UnixSocket>> unix_sockets_;
  std::vector<std::string> names_;
};

Listeners::Options listener_options(const config::ServeConfig& config);

}  // namespace server
