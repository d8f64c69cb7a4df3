#include "server/http/own_host.h"

#include <arpa/inet.h>

#include <array>
#include <string>

namespace server::http {

namespace {

bool is_address(int family, std::string_view text) {
  std::array<unsigned char, 16> bytes;
  return ::inet_pton(family, std::string(text).c_str(), bytes.data()) == 1;
}

}  // namespace

bool is_own_host(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end != std::string_view::npos && is_address(AF_INET6, host.substr(1, end - 1));
  }
  const std::string_view name = host.substr(0, host.find(':'));
  return name == "localhost" || is_address(AF_INET, name);
}

}  // namespace server::http
