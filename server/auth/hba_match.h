#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/auth/hba_file.h"
#include "server/auth/host_networks.h"
#include "server/auth/name_token.h"
#include "server/auth/network.h"
#include "server/auth/peer_name.h"

namespace server::auth {

enum class Transport { kUnix, kTcp, kTls };

// What a rule is chosen by. The views outlive the match.
struct HbaConnection {
  Transport transport = Transport::kUnix;
  std::optional<IpAddress> peer;  // none: a Unix socket
  std::string_view user;
  std::string_view database;
  // Of the whole cluster: that is taken by the word replication alone, whatever the database.
  bool is_physical_replication = false;
};

// What the comparison asks besides.
struct HbaFacts {
  // For samehost and samenet; called only for a rule that has one of them.
  std::function<std::shared_ptr<const Networks>()> own_networks;
  IsMember is_member;  // of the connection's user
  // Null as long as it is not looked up.
  const PeerName* peer_name = nullptr;
};

// Which rule takes a connection.
struct HbaMatch {
  enum class Kind {
    kRule,
    kNoRule,
    kNeedsPeerName,  // look up the peer's name, and match again with it
  };
  Kind kind = Kind::kNoRule;
  const HbaRule* rule = nullptr;  // of kRule; as long as the rules live
};

// The first rule that takes the connection (hba.c, check_hba). Pure, and does not block, but for
// `own_networks`: where a rule has a host name, and takes the connection if the peer has it, the
// caller looks that up in the pool, once.
//   1. match_hba(rules, connection, {networks, is_member})            -> kNeedsPeerName
//   2. in the pool: name = look_up_peer_name(address)
//   3. match_hba(rules, connection, {networks, is_member, &name})     -> kRule or kNoRule
// PostgreSQL looks a name up for every such rule that it comes to; here the database and the user
// are compared first, so that fewer connections cause a look-up.
HbaMatch match_hba(const HbaRules& rules, const HbaConnection& connection, const HbaFacts& facts);

// The errors for a client that no rule takes, and for one that a rule with reject takes.
runtime::Error no_rule_error(const HbaConnection& connection);
runtime::Error reject_error(const HbaConnection& connection);
// What the log is told besides where no rule took a connection: what became of the look-up of the
// peer's name (auth.c, HOSTNAME_LOOKUP_DETAIL). Empty if there was none.
std::string peer_name_detail(const HbaRules& rules, const HbaConnection& connection,
                             const PeerName* name);

}  // namespace server::auth
