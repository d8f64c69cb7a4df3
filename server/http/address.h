#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace server::http {

// A place to listen on for HTTP: "127.0.0.1:9187", "[::1]:9187", "localhost:0".
struct Address {
  std::string host;  // a name or an address, without brackets; "*" is any address
  std::uint16_t port = 0;

  // Whether no other machine can reach it: an address of the loopback network, or localhost.
  bool is_loopback() const;
  // "[::1]:9187".
  std::string text() const;

  friend bool operator==(const Address&, const Address&) = default;
};

// The error says what is wrong with the text. A port is a number up to 65535; 0 takes a free one.
runtime::Result<Address> parse_address(std::string_view text);

}  // namespace server::http
