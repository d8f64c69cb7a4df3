#include "server/http/address.h"

#include <charconv>

#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::http {

namespace {

runtime::Fail refuse(std::string_view text) {
  return runtime::Fail({.kind = &wire::kInvalidParameterValue,
                        .what = runtime::format("invalid address \"{}\" for HTTP", text),
                        .hint = "An address is a host and a port, such as 127.0.0.1:9187."});
}

// Host and port, without the brackets of an IPv6 address. A port alone is no address.
bool split(std::string_view text, std::string_view& host, std::string_view& port) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  host = text.substr(0, colon);
  port = text.substr(colon + 1);
  const bool has_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (has_brackets) host = host.substr(1, host.size() - 2);
  return !host.empty() && has_brackets == (host.find(':') != std::string_view::npos);
}

}  // namespace

bool Address::is_loopback() const {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::string Address::text() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return runtime::format("{}{}{}:{}", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
}

runtime::Result<Address> parse_address(std::string_view text) {
  std::string_view host;
  std::string_view port;
  if (!split(text, host, port)) return refuse(text);
  Address address{.host = std::string(host)};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) return refuse(text);
  return address;
}

}  // namespace server::http
