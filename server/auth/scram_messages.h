#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/auth/digest.h"

namespace server::auth {

// What a client says in a SCRAM exchange (RFC 5802, section 7). The errors are those of
// auth-scram.c, in its order and its words, which go to the client: a string of the client's comes
// into them only as far as it is printable ASCII.

// The mechanism that the client has chosen, and what the server could have offered.
struct ScramChannel {
  bool encrypted = false;  // under TLS, so that SCRAM-SHA-256-PLUS is offered
  bool bound = false;      // SCRAM-SHA-256-PLUS was chosen
};

// client-first-message. Views of the message.
struct ClientFirst {
  char binding_flag;      // 'n', 'y' or 'p'
  std::string_view bare;  // client-first-message-bare
  std::string_view nonce;
};
runtime::Result<ClientFirst> parse_client_first(std::string_view message, ScramChannel channel);

// client-final-message. Views of the message.
struct ClientFinal {
  std::string_view nonce;
  std::string_view without_proof;
  Key proof;
};
// `end_point` is the hash of the server's certificate, of RFC 5929's tls-server-end-point, if the
// channel is bound to it. The message must repeat what the first one has said of the channel.
runtime::Result<ClientFinal> parse_client_final(std::string_view message, char binding_flag,
                                                std::optional<std::string_view> end_point);

}  // namespace server::auth
