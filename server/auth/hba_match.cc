#include "server/auth/hba_match.h"

#include <netdb.h>

#include <algorithm>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::auth {

using runtime::format;

namespace {

bool takes_transport(ConnectionType type, Transport transport) {
  switch (type) {
    case ConnectionType::kLocal:
      return transport == Transport::kUnix;
    case ConnectionType::kHost:
    case ConnectionType::kHostNoGssEnc:
      return transport != Transport::kUnix;
    case ConnectionType::kHostSsl:
      return transport == Transport::kTls;
    case ConnectionType::kHostNoSsl:
      return transport == Transport::kTcp;
    case ConnectionType::kHostGssEnc:
      return false;
  }
  UNREACHABLE();
}

bool takes_database(const NameToken& token, const HbaConnection& connection,
                    const IsMember& is_member) {
  if (connection.is_physical_replication) return token.is_keyword("replication");
  if (token.is_keyword("all")) return true;
  if (token.is_keyword("sameuser")) return connection.database == connection.user;
  if (token.is_keyword("samerole") || token.is_keyword("samegroup")) {
    return is_member(connection.database);
  }
  return !token.is_keyword("replication") && token.matches(connection.database);
}

bool takes_names(const HbaRule& rule, const HbaConnection& connection, const IsMember& is_member) {
  const auto has_database = [&](const NameToken& token) {
    return takes_database(token, connection, is_member);
  };
  const auto has_user = [&](const NameToken& token) {
    return token.matches_user(connection.user, is_member);
  };
  return std::ranges::any_of(rule.databases, has_database) &&
         std::ranges::any_of(rule.users, has_user);
}

enum class Answer { kYes, kNo, kNeedsPeerName };

Answer answer(bool yes) { return yes ? Answer::kYes : Answer::kNo; }

Answer takes_host(const HostPattern& pattern, const IpAddress& peer, const HbaFacts& facts) {
  const auto any_network = [&](auto&& has_peer) {
    return answer(std::ranges::any_of(*facts.own_networks(), has_peer));
  };
  switch (pattern.kind) {
    case HostPattern::Kind::kAll:
      return Answer::kYes;
    case HostPattern::Kind::kSameHost:
      return any_network([&](const AddressRange& own) { return own.address == peer; });
    case HostPattern::Kind::kSameNet:
      return any_network([&](const AddressRange& own) { return own.contains(peer); });
    case HostPattern::Kind::kRange:
      return answer(pattern.range.contains(peer));
    case HostPattern::Kind::kName:
      if (facts.peer_name == nullptr) return Answer::kNeedsPeerName;
      return answer(facts.peer_name->state == PeerName::State::kConfirmed &&
                    host_name_matches(pattern.name, facts.peer_name->name));
  }
  UNREACHABLE();
}

Answer takes(const HbaRule& rule, const HbaConnection& connection, const HbaFacts& facts) {
  if (!takes_transport(rule.type, connection.transport)) return Answer::kNo;
  if (!takes_names(rule, connection, facts.is_member)) return Answer::kNo;
  if (rule.type == ConnectionType::kLocal) return Answer::kYes;
  return takes_host(rule.host, *connection.peer, facts);
}

std::string host_of(const HbaConnection& connection) {
  return connection.peer ? connection.peer->text() : "[local]";
}

std::string_view encryption_of(const HbaConnection& connection) {
  return connection.transport == Transport::kTls ? "SSL encryption" : "no encryption";
}

runtime::Error refusal(std::string what) {
  return {.kind = &wire::kInvalidAuthorization, .what = std::move(what)};
}

}  // namespace

HbaMatch match_hba(const HbaRules& rules, const HbaConnection& connection, const HbaFacts& facts) {
  CHECK(connection.peer.has_value() == (connection.transport != Transport::kUnix));
  for (const HbaRule& rule : rules.all()) {
    switch (takes(rule, connection, facts)) {
      case Answer::kYes:
        return {.kind = HbaMatch::Kind::kRule, .rule = &rule};
      case Answer::kNeedsPeerName:
        return {.kind = HbaMatch::Kind::kNeedsPeerName, .rule = nullptr};
      case Answer::kNo:
        break;
    }
  }
  return {.kind = HbaMatch::Kind::kNoRule, .rule = nullptr};
}

runtime::Error no_rule_error(const HbaConnection& connection) {
  const std::string host = host_of(connection);
  const std::string_view encryption = encryption_of(connection);
  if (connection.is_physical_replication) {
    return refusal(
        format("no pg_hba.conf entry for replication connection from host \"{}\", user \"{}\", {}",
               host, connection.user, encryption));
  }
  return refusal(format("no pg_hba.conf entry for host \"{}\", user \"{}\", database \"{}\", {}",
                        host, connection.user, connection.database, encryption));
}

runtime::Error reject_error(const HbaConnection& connection) {
  const std::string host = host_of(connection);
  const std::string_view encryption = encryption_of(connection);
  if (connection.is_physical_replication) {
    return refusal(
        format("pg_hba.conf rejects replication connection for host \"{}\", user \"{}\", {}", host,
               connection.user, encryption));
  }
  return refusal(
      format("pg_hba.conf rejects connection for host \"{}\", user \"{}\", database \"{}\", {}",
             host, connection.user, connection.database, encryption));
}

std::string peer_name_detail(const HbaRules& rules, const HbaConnection& connection,
                             const PeerName* name) {
  if (name == nullptr) return {};
  const auto has_name = [&](const HbaRule& rule) {
    return takes_transport(rule.type, connection.transport) &&
           rule.host.kind == HostPattern::Kind::kName &&
           host_name_matches(rule.host.name, name->name);
  };
  if (name->state == PeerName::State::kNoName) {
    return format("Could not resolve client IP address to a host name: {}.",
                  ::gai_strerror(name->gai_error));
  }
  // PostgreSQL asks for a name's addresses only if a rule has the name.
  if (std::ranges::none_of(rules.all(), has_name)) {
    return format("Client IP address resolved to \"{}\", forward lookup not checked.", name->name);
  }
  switch (name->state) {
    case PeerName::State::kConfirmed:
      return format("Client IP address resolved to \"{}\", forward lookup matches.", name->name);
    case PeerName::State::kOtherAddress:
      return format("Client IP address resolved to \"{}\", forward lookup does not match.",
                    name->name);
    default:
      return format("Could not translate client host name \"{}\" to IP address: {}.", name->name,
                    ::gai_strerror(name->gai_error));
  }
}

}  // namespace server::auth
