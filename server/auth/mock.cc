#include "server/auth/mock.h"

#include "runtime/check.h"
#include "server/auth/base64.h"

namespace server::auth {

Mock::Mock(const Key& secret, int iterations) : secret_(secret), iterations_(iterations) {
  CHECK(iterations > 0);
}

// The keys are zeros, for which no proof is known. The exchange does not rely on that: with a mock
// it is doomed.
ScramVerifier Mock::verifier(std::string_view user) const {
  static_assert(kUsualSaltBytes <= kSha256Bytes);
  const Key code = hmac_sha256(secret_.reveal(), user);
  return {.iterations = iterations_,
          .salt = encode_base64(code.reveal().first(kUsualSaltBytes)),
          .stored_key = {},
          .server_key = {}};
}

}  // namespace server::auth
