#include "server/auth/network.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "runtime/check.h"
#include "runtime/errors.h"

namespace server::auth {

namespace {

constexpr int bits_of(int family) { return family == AF_INET ? 32 : 128; }

std::optional<IpAddress> ip_address_of(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  IpAddress ip{.family = address->sa_family, .bytes = {}};
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    std::memcpy(ip.bytes.data(), &v4->sin_addr, sizeof(v4->sin_addr));
  } else if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    std::memcpy(ip.bytes.data(), &v6->sin6_addr, sizeof(v6->sin6_addr));
  } else {
    return std::nullopt;
  }
  return ip;
}

IpAddress mask_of(int bits, int family) {
  DCHECK(family == AF_INET || family == AF_INET6);
  DCHECK(bits >= 0 && bits <= bits_of(family));
  IpAddress mask{.family = family, .bytes = {}};
  for (auto& byte : mask.bytes) {
    const int here = std::clamp(bits, 0, 8);
    byte = static_cast<std::uint8_t>(0xFF00 >> here);
    bits -= here;
  }
  return mask;
}

}  // namespace

std::string IpAddress::text() const {
  char text[INET6_ADDRSTRLEN] = "?";
  ::inet_ntop(family, bytes.data(), text, sizeof(text));
  return text;
}

std::optional<IpAddress> ip_address_of(const runtime::SocketAddress& address) {
  return ip_address_of(reinterpret_cast<const sockaddr*>(&address.storage));
}

bool AddressRange::contains(const IpAddress& other) const {
  DCHECK(address.family == mask.family);
  if (other.family != address.family) return false;
  for (std::size_t i = 0; i < mask.bytes.size(); ++i) {
    if (((other.bytes[i] ^ address.bytes[i]) & mask.bytes[i]) != 0) return false;
  }
  return true;
}

NumericAddress parse_numeric_address(const std::string& text) {
  if (text.empty()) return {.address = std::nullopt, .gai_error = EAI_NONAME};
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(text.c_str(), nullptr, &hints, &found);
  if (error != 0) return {.address = std::nullopt, .gai_error = error};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  return {.address = ip_address_of(found->ai_addr), .gai_error = 0};
}

std::optional<IpAddress> parse_mask_bits(const std::string& bits, int family) {
  char* end = nullptr;
  const long count = std::strtol(bits.c_str(), &end, 10);
  if (bits.empty() || end != bits.c_str() + bits.size()) return std::nullopt;
  if (count < 0 || count > bits_of(family)) return std::nullopt;
  return mask_of(static_cast<int>(count), family);
}

IpAddress full_mask(int family) { return mask_of(bits_of(family), family); }

runtime::Result<std::vector<AddressRange>> own_networks() {
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) {
    return runtime::system_error(errno, "error enumerating network interfaces");
  }
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(found, ::freeifaddrs);
  std::vector<AddressRange> networks;
  for (const ifaddrs* one = found; one != nullptr; one = one->ifa_next) {
    const auto address = ip_address_of(one->ifa_addr);
    if (!address) continue;
    // An interface without a mask, or with one that has every address, is of one address.
    auto mask = ip_address_of(one->ifa_netmask);
    const bool is_sane =
        mask && mask->family == address->family && mask->bytes != IpAddress{}.bytes;
    networks.push_back({.address = *address, .mask = is_sane ? *mask : full_mask(address->family)});
  }
  return networks;
}

}  // namespace server::auth
