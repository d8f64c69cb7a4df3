#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "runtime/socket.h"

namespace server::session {

// Where a client comes from, as limits count it: an IPv4 address; the /64 of an IPv6 address, of
// which one client may have all; or the Unix sockets, which are one place.
//   Owner: as for an integer.  Thread: any.
class Origin {
 public:
  Origin() = default;
  explicit Origin(const runtime::SocketAddress& peer);

  // "192.0.2.1", "2001:db8::/64" or "[local]".
  std::string text() const;
  // Another number for each, of the addresses that clients can have.
  std::uint64_t number() const;
  auto operator<=>(const Origin&) const = default;

 private:
  static constexpr std::size_t kNetworkBytes = 8;  // of IPv6; IPv4 has four

  int family_ = 0;
  std::array<std::uint8_t, kNetworkBytes> bytes_{};
};

}  // namespace server::session
