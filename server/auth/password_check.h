#pragma once

#include <cstddef>
#include <string>

#include "server/auth/secret.h"
#include "server/auth/verifier.h"

namespace server::auth {

// Whether a password in the clear is that of a verifier (crypt.c, plain_crypt_verify). It is a
// value of its own, because to compute it takes milliseconds, for which a loop does not wait.
//   Owner: an Exchange, then the job that runs it.  Thread: any, one at a time.
//   Invariant: one key is derived whatever the verifier is, so that the time tells nothing of it
//     but a SCRAM verifier's count of iterations.
class PasswordCheck {
 public:
  PasswordCheck() = default;
  // From `stand_in` a key is derived where `verifier` has none.
  PasswordCheck(Secret password, std::string user, Verifier verifier, ScramVerifier stand_in);

  // Blocks for as long as pbkdf2_sha256(). REQUIRES: not made by default.
  bool run() const;
  // Of the password, which a client may have made long.
  std::size_t bytes() const { return password_.size(); }

 private:
  Secret password_;
  std::string user_;
  Verifier verifier_;
  ScramVerifier stand_in_;
};

}  // namespace server::auth
