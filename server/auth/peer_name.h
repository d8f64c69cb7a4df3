#pragma once

#include <string>
#include <string_view>

#include "runtime/socket.h"

namespace server::auth {

// What name servers say of a peer's address: its host name, and whether one of that name's
// addresses is the peer's. Only the owner of the address answers the first question, so the name
// alone proves nothing (hba.c, check_hostname).
struct PeerName {
  enum class State {
    kConfirmed,     // the name has the peer's address
    kOtherAddress,  // the name has other addresses alone
    kNoAddress,     // the name's addresses could not be found: gai_error
    kNoName,        // the address's name could not be found: gai_error
  };
  State state = State::kNoName;
  std::string name;  // but for kNoName
  int gai_error = 0;
};

// Asks name servers, for as long as they take: for the pool, never for a loop.
PeerName look_up_peer_name(const runtime::SocketAddress& peer);

// Whether a host name of a rule takes a host: the same name, or, from a dot on, the name's end; in
// any case (hba.c, hostname_match).
bool host_name_matches(std::string_view pattern, std::string_view name);

}  // namespace server::auth
