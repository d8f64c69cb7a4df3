#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/result.h"
#include "runtime/socket.h"

namespace server {

// Which addresses may be listened on. Without authentication any client that reaches the server may
// read all WAL, so only clients on this host may reach it: over Unix sockets and loopback
// addresses.
enum class Reach { kThisHost, kAnyHost };
runtime::Result<void> check_reach(const runtime::SocketAddress& address, Reach reach);

// The addresses of `hosts` to listen on, each of them once. An address that this machine does not
// have is left out with a log message, as PostgreSQL does (postmaster.c), if there is another one.
// Blocks on the resolver.
runtime::Result<std::vector<runtime::SocketAddress>> find_listen_addresses(
    const std::vector<std::string>& hosts, std::uint16_t port, Reach reach,
    const std::function<runtime::Result<void>(const runtime::SocketAddress&)>& try_to_bind =
        runtime::check_unused);

}  // namespace server
