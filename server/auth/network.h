#pragma once

// Addresses and ranges of them, as hba rules compare them (ifaddr.c).

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/result.h"
#include "runtime/socket.h"

namespace server::auth {

struct IpAddress {
  int family = 0;                        // AF_INET or AF_INET6
  std::array<std::uint8_t, 16> bytes{};  // in the order of the network; IPv4 has four, zeros follow

  bool operator==(const IpAddress&) const = default;
  std::string text() const;
};

// None for an address of another family, such as a Unix socket's.
std::optional<IpAddress> ip_address_of(const runtime::SocketAddress& address);

// The addresses that agree with `address` in the bits of `mask`, which may be any bits.
struct AddressRange {
  IpAddress address;
  IpAddress mask;

  // Never an address of another family: an IPv4 range does not have "::ffff:10.1.2.3".
  bool contains(const IpAddress& other) const;
};

// A numeric address as getaddrinfo reads it ("127.1" is 127.0.0.1), or why it is none: an EAI_
// code. Does not ask a name server, and so does not block.
struct NumericAddress {
  std::optional<IpAddress> address;
  int gai_error = 0;
};
NumericAddress parse_numeric_address(const std::string& text);

// The mask of the first `bits` bits, which is a decimal number as strtol reads it. None: there are
// no so many bits.
std::optional<IpAddress> parse_mask_bits(const std::string& bits, int family);
// The mask of one address alone.
IpAddress full_mask(int family);

// The addresses of this host's interfaces, each with its network's mask. May block for a moment on
// the kernel.
runtime::Result<std::vector<AddressRange>> own_networks();

}  // namespace server::auth
