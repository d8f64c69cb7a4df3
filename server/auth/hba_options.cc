#include "server/auth/hba_options.h"

#include <string>
#include <utility>

#include "runtime/format.h"
#include "server/auth/file_error.h"

namespace server::auth {

using runtime::Error;
using runtime::format;
using runtime::Result;

namespace {

// The options of methods that walcast does not have, and what PostgreSQL calls the methods.
constexpr std::pair<std::string_view, std::string_view> kOptionsElsewhere[]{
    {"pamservice", "pam"},
    {"pam_use_hostname", "pam"},
    {"ldapurl", "ldap"},
    {"ldaptls", "ldap"},
    {"ldapscheme", "ldap"},
    {"ldapserver", "ldap"},
    {"ldapport", "ldap"},
    {"ldapbinddn", "ldap"},
    {"ldapbindpasswd", "ldap"},
    {"ldapsearchattribute", "ldap"},
    {"ldapsearchfilter", "ldap"},
    {"ldapbasedn", "ldap"},
    {"ldapprefix", "ldap"},
    {"ldapsuffix", "ldap"},
    {"krb_realm", "gssapi and sspi"},
    {"include_realm", "gssapi and sspi"},
    {"compat_realm", "sspi"},
    {"upn_username", "sspi"},
    {"radiusservers", "radius"},
    {"radiusports", "radius"},
    {"radiussecrets", "radius"},
    {"radiusidentifiers", "radius"},
    {"issuer", "oauth"},
    {"scope", "oauth"},
    {"validator", "oauth"},
    {"delegate_ident_mapping", "oauth"}};

Error wrong(std::string what) { return {.kind = &kConfigFileError, .what = std::move(what)}; }

Error wrong_method(std::string_view option, std::string_view methods) {
  return wrong(format("authentication option \"{}\" is only valid for authentication methods {}",
                      option, methods));
}

Result<ClientCert> client_cert(std::string_view value, AuthMethod method) {
  if (value == "verify-full") return ClientCert::kVerifyFull;
  if (value != "verify-ca") return wrong(format("invalid value for clientcert: \"{}\"", value));
  if (method == AuthMethod::kCert) {
    return wrong("clientcert only accepts \"verify-full\" when using \"cert\" authentication");
  }
  return ClientCert::kVerifyCa;
}

Result<ClientName> client_name(std::string_view value) {
  if (value == "CN") return ClientName::kCommonName;
  if (value == "DN") return ClientName::kDistinguishedName;
  return wrong(format("invalid value for clientname: \"{}\"", value));
}

}  // namespace

Result<void> take_hba_option(std::string_view text, ConnectionType type, AuthMethod method,
                             HbaOptions& options) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return wrong(format("authentication option not in name=value format: {}", text));
  }
  const std::string_view name = text.substr(0, equals);
  const std::string_view value = text.substr(equals + 1);
  if (name == "map") {
    if (method != AuthMethod::kPeer && method != AuthMethod::kCert) {
      return wrong_method(name, "ident, peer, gssapi, sspi, and cert");
    }
    options.map = value;
    return {};
  }
  if (name == "clientcert" || name == "clientname") {
    if (type != ConnectionType::kHostSsl) {
      return wrong(format("{} can only be configured for \"hostssl\" rows", name));
    }
    if (name == "clientcert") {
      options.client_cert = TRY(client_cert(value, method));
    } else {
      options.client_name = TRY(client_name(value));
    }
    return {};
  }
  for (const auto& [other, methods] : kOptionsElsewhere) {
    if (name == other) return wrong_method(name, methods);
  }
  return wrong(format("unrecognized authentication option name: \"{}\"", name));
}

}  // namespace server::auth
