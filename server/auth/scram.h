#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/auth/random_source.h"
#include "server/auth/scram_messages.h"
#include "server/auth/verifier.h"

namespace server::auth {

// The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677; auth-scram.c). It
// derives no key, since the verifier has them: a message takes a few digests.
//   Owner: Exchange.  Thread: the owner's.
//   Invariant: select() comes first; take() is called again only after kContinue. With `doomed`
//     every step is made as without, and the last one fails whatever the client has proven.
class ScramServer {
 public:
  struct Options {
    ScramVerifier verifier;
    bool doomed;  // the verifier is a mock
    // Of the certificate of this connection (RFC 5929, tls-server-end-point), if under TLS.
    std::optional<std::string> end_point = {};
    std::string nonce;  // printable, without a comma
  };
  enum class Next { kContinue, kIn, kFailed };
  struct Step {
    Next next;
    std::string reply;  // to the client; none after kFailed
  };

  static std::string make_nonce(RandomSource& random);

  explicit ScramServer(Options options);

  // The mechanisms to offer, the best first.
  std::vector<std::string_view> mechanisms() const;
  // Takes the mechanism that the client has chosen.
  runtime::Result<void> select(std::string_view mechanism);
  // Takes the client's next message: none where it chose a mechanism without an initial response.
  runtime::Result<Step> take(std::optional<std::string_view> message);

 private:
  enum class State { kMechanism, kFirst, kFinal, kEnd };

  runtime::Result<Step> take_first(std::string_view message);
  runtime::Result<Step> take_final(std::string_view message);
  bool proves(const ClientFinal& final, std::string_view auth_message) const;

  const Options options_;
  State state_ = State::kMechanism;
  bool bound_ = false;  // SCRAM-SHA-256-PLUS
  char binding_flag_ = 'n';
  std::string nonce_;         // the client's, then the server's
  std::string auth_message_;  // client-first-message-bare and server-first-message
};

}  // namespace server::auth
