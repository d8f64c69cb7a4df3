#include "server/auth/hba_rule.h"

#include <algorithm>
#include <iterator>

namespace server::auth {

namespace {

struct NamedType {
  std::string_view name;
  ConnectionType type;
};
constexpr NamedType kTypes[]{
    {"local", ConnectionType::kLocal},           {"host", ConnectionType::kHost},
    {"hostssl", ConnectionType::kHostSsl},       {"hostnossl", ConnectionType::kHostNoSsl},
    {"hostgssenc", ConnectionType::kHostGssEnc}, {"hostnogssenc", ConnectionType::kHostNoGssEnc}};

struct NamedMethod {
  std::string_view name;
  AuthMethod method;
};
constexpr NamedMethod kMethods[]{
    {"trust", AuthMethod::kTrust},       {"reject", AuthMethod::kReject},
    {"md5", AuthMethod::kMd5},           {"scram-sha-256", AuthMethod::kScramSha256},
    {"password", AuthMethod::kPassword}, {"cert", AuthMethod::kCert},
    {"peer", AuthMethod::kPeer}};

}  // namespace

std::string_view name(ConnectionType type) {
  return std::ranges::find(kTypes, type, &NamedType::type)->name;
}

std::optional<ConnectionType> find_connection_type(std::string_view name) {
  const auto* const found = std::ranges::find(kTypes, name, &NamedType::name);
  if (found == std::end(kTypes)) return std::nullopt;
  return found->type;
}

std::string_view name(AuthMethod method) {
  return std::ranges::find(kMethods, method, &NamedMethod::method)->name;
}

std::optional<AuthMethod> find_auth_method(std::string_view name) {
  const auto* const found = std::ranges::find(kMethods, name, &NamedMethod::name);
  if (found == std::end(kMethods)) return std::nullopt;
  return found->method;
}

}  // namespace server::auth
