#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/auth/name_token.h"
#include "server/auth/network.h"

namespace server::auth {

// What stands first in a line. walcast has no GSSAPI: hostgssenc takes no connection, and
// hostnogssenc takes those that host does.
enum class ConnectionType { kLocal, kHost, kHostSsl, kHostNoSsl, kHostGssEnc, kHostNoGssEnc };
std::string_view name(ConnectionType type);
std::optional<ConnectionType> find_connection_type(std::string_view name);

enum class AuthMethod { kTrust, kReject, kScramSha256, kMd5, kPassword, kCert, kPeer };
std::string_view name(AuthMethod method);
std::optional<AuthMethod> find_auth_method(std::string_view name);

// What a client's certificate must be for, apart from valid.
enum class ClientCert { kOff, kVerifyCa, kVerifyFull };
// What of a client's certificate is its user's name.
enum class ClientName { kCommonName, kDistinguishedName };

// Which addresses a rule takes.
struct HostPattern {
  enum class Kind { kAll, kSameHost, kSameNet, kRange, kName };
  Kind kind = Kind::kAll;
  AddressRange range;  // of kRange
  std::string name;    // of kName: a host name, or a suffix of such that begins with a dot
};

// The options that stand behind the method.
struct HbaOptions {
  std::optional<std::string> map;
  ClientCert client_cert = ClientCert::kOff;  // cert has kVerifyFull without saying so
  ClientName client_name = ClientName::kCommonName;
};

// One line of an hba file. Never changed once it is read; any thread may use it.
struct HbaRule {
  std::string file;
  std::size_t line = 0;
  std::string text;
  ConnectionType type = ConnectionType::kLocal;
  std::vector<NameToken> databases;
  std::vector<NameToken> users;
  HostPattern host;  // of any type but kLocal
  AuthMethod method = AuthMethod::kReject;
  HbaOptions options;
};

}  // namespace server::auth
