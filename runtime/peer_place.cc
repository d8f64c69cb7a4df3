#include "runtime/peer_place.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace runtime {

namespace {

// VLANs upon VLANs, and no more of them than this.
constexpr int kDevicesMax = 4;

// Devices whose other side is no namespace of this kernel, or which copy what they send: those of
// hardware, of a program (tun and tap), and those that encrypt. Bonds and teams are of hardware.
// Others, such as veth, macvlan, ipvlan or a bridge, may hand over what they are given as it is.
bool copies(std::string_view kind) {
  constexpr std::array<std::string_view, 5> kCopying = {"", "bond", "team", "tun", "wireguard"};
  return std::find(kCopying.begin(), kCopying.end(), kind) != kCopying.end();
}

bool leads_away(int index) {
  for (int looked = 0; looked < kDevicesMax; ++looked) {
    const auto device = find_device(index);
    if (!device.has_value() || device->is_loopback) return false;
    if (device->kind != "vlan") return copies(device->kind);
    if (device->lower == 0) return false;
    index = device->lower;
  }
  return false;
}

int option_of(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
}

RouteOrigin origin_of(int fd) {
  return {.bound_to = option_of(fd, SO_BINDTOIFINDEX),
          .address = local_address(fd),
          .mark = static_cast<std::uint32_t>(option_of(fd, SO_MARK))};
}

}  // namespace

PeerPlace find_place(const SocketAddress& address, const RouteOrigin& from) {
  if (address.is_loopback()) return PeerPlace::kHere;
  const auto route = find_route(address, from);
  if (!route.has_value()) return PeerPlace::kNear;
  if (route->is_local) return PeerPlace::kHere;
  return leads_away(route->device) ? PeerPlace::kAway : PeerPlace::kNear;
}

PeerPlace find_peer_place(int fd) {
  const auto peer = peer_address(fd);
  if (!peer.has_value()) return PeerPlace::kNear;
  return peer->is_unix() ? PeerPlace::kHere : find_place(*peer, origin_of(fd));
}

}  // namespace runtime
