#pragma once

#include <string_view>

#include "server/auth/digest.h"
#include "server/auth/verifier.h"

namespace server::auth {

// Stands in for the verifier of a client that names no role, or one without the verifier that its
// method wants: a verifier that no password has, always the same for a name, so that the client is
// asked for a proof as any other is, and cannot tell (auth-scram.c, mock_scram_secret).
//   Owner: whoever has it from AccessPolicy::mock().  Thread: any; it never changes.
//   Invariant: the salt of a name stays the same as long as the secret does, which belongs to the
//     installation and survives a restart.
class Mock {
 public:
  // `iterations` is what most roles have: a count that no role has would give the mock away.
  // REQUIRES: iterations > 0.
  explicit Mock(const Key& secret, int iterations = kUsualIterations);

  ScramVerifier verifier(std::string_view user) const;

 private:
  const Key secret_;
  const int iterations_;
};

}  // namespace server::auth
