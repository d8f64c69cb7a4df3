#pragma once

#include <optional>
#include <string>

namespace server::auth {

// The certificate that a client has given, when the server's authorities have vouched for it.
struct ClientCertificate {
  // The subject's common name; none: there is none. One with a zero byte inside ends the handshake
  // (be-secure-openssl.c, be_tls_open_server).
  std::optional<std::string> common_name;
  std::string distinguished_name;  // the subject, as RFC 2253 writes it
};

// What rules may ask about the TLS of a connection. Never changed once the handshake is done.
struct TlsState {
  std::optional<ClientCertificate> client;
  // The hash of the server's own certificate, which binds an exchange to this channel (RFC 5929,
  // tls-server-end-point).
  std::string end_point;
};

}  // namespace server::auth
