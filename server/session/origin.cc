#include "server/session/origin.h"

#include <netinet/in.h>

#include <cstring>

#include "runtime/format.h"

namespace server::session {

Origin::Origin(const runtime::SocketAddress& peer) : family_(peer.storage.ss_family) {
  if (family_ == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer.storage);
    std::memcpy(bytes_.data(), &v4.sin_addr, sizeof(v4.sin_addr));
  } else if (family_ == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer.storage);
    std::memcpy(bytes_.data(), &v6.sin6_addr, kNetworkBytes);
  }
}

std::string Origin::text() const {
  runtime::SocketAddress address;
  address.storage.ss_family = static_cast<sa_family_t>(family_);
  if (family_ == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
    std::memcpy(&v4.sin_addr, bytes_.data(), sizeof(v4.sin_addr));
    return address.host();
  }
  if (family_ != AF_INET6) return "[local]";
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  std::memcpy(&v6.sin6_addr, bytes_.data(), kNetworkBytes);
  return runtime::format("{}/64", address.host());
}

// An IPv4 address takes the low half, where no network of IPv6 is one of the world's but that of
// ::1, which is 0. The last network is one of multicast addresses, of which no client can come.
std::uint64_t Origin::number() const {
  if (family_ != AF_INET && family_ != AF_INET6) return ~std::uint64_t{0};
  std::uint64_t number = 0;
  const std::size_t size = family_ == AF_INET ? sizeof(in_addr) : kNetworkBytes;
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | bytes_[i];
  return number;
}

}  // namespace server::session
