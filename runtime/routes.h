#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/socket.h"

namespace runtime {

// What the kernel says of the ways to other hosts, in this process's network namespace. It answers
// at once (rtnetlink(7)); only a change of devices that is being made is waited for.

// Which way a packet goes.
struct Route {
  bool is_local = false;  // to this host itself
  int device = 0;         // the index of the device, else
};
// What else of a socket of TCP the kernel's rules of routing may go by (ip-rule(8)).
struct RouteOrigin {
  int bound_to = 0;                           // the index of its device; 0: none
  std::optional<SocketAddress> address = {};  // its own, with its port; none: it has none yet
  std::uint32_t mark = 0;                     // SO_MARK
};
// The way to an address of TCP. None: it is not reached.
std::optional<Route> find_route(const SocketAddress& to, const RouteOrigin& from = {});

struct NetworkDevice {
  std::string kind;  // as `ip -details link` has it, such as "veth"; empty: hardware, or loopback
  bool is_loopback = false;
  // The device of this namespace that it is made upon or paired with, as that of a VLAN; 0: none.
  int lower = 0;
};
std::optional<NetworkDevice> find_device(int index);

}  // namespace runtime
