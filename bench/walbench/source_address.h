#pragma once

#include <cstddef>
#include <optional>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "runtime/socket.h"

namespace bench::walbench {

// A connection is known by two addresses and two ports, and of the client's ports the kernel gives
// out 28,232 (net.ipv4.ip_local_port_range). So many standbys use one address of this host.
inline constexpr std::size_t kStandbysPerAddress = 20'000;

// The address from which a standby connects: none, for the kernel's choice, but 127.0.0.2,
// 127.0.0.3 and so on for those beyond the first kStandbysPerAddress if the server is on
// 127.0.0.0/8, all of which is this host's.
std::optional<runtime::SocketAddress> source_address(std::size_t standby,
                                                     const runtime::SocketAddress& server);

// As runtime::connect_to(), from that address.
runtime::Result<runtime::UniqueFd> connect_from(const runtime::SocketAddress& source,
                                                const runtime::SocketAddress& server);

}  // namespace bench::walbench
