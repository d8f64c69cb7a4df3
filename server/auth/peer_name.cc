#include "server/auth/peer_name.h"

#include <netdb.h>

#include <cstring>
#include <memory>

#include "server/auth/network.h"
#include "server/wire/text.h"

namespace server::auth {

namespace {

bool has_address(const addrinfo* found, const IpAddress& wanted) {
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    runtime::SocketAddress address{.storage = {}, .size = one->ai_addrlen};
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    if (ip_address_of(address) == wanted) return true;
  }
  return false;
}

}  // namespace

PeerName look_up_peer_name(const runtime::SocketAddress& peer) {
  using State = PeerName::State;
  const auto wanted = ip_address_of(peer);
  if (!wanted) return {.state = State::kNoName, .name = {}, .gai_error = EAI_FAMILY};
  char name[NI_MAXHOST] = "";
  const int no_name = ::getnameinfo(reinterpret_cast<const sockaddr*>(&peer.storage), peer.size,
                                    name, sizeof(name), nullptr, 0, NI_NAMEREQD);
  if (no_name != 0) return {.state = State::kNoName, .name = {}, .gai_error = no_name};
  addrinfo* found = nullptr;
  const int no_address = ::getaddrinfo(name, nullptr, nullptr, &found);
  if (no_address != 0) return {.state = State::kNoAddress, .name = name, .gai_error = no_address};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  return {.state = has_address(found, *wanted) ? State::kConfirmed : State::kOtherAddress,
          .name = name,
          .gai_error = 0};
}

bool host_name_matches(std::string_view pattern, std::string_view name) {
  if (!pattern.starts_with('.')) return wire::equal_ignoring_case(pattern, name);
  return name.size() >= pattern.size() &&
         wire::equal_ignoring_case(pattern, name.substr(name.size() - pattern.size()));
}

}  // namespace server::auth
