#include "server/auth/password_check.h"

#include <utility>

#include "runtime/check.h"
#include "server/auth/base64.h"
#include "server/auth/saslprep.h"

namespace server::auth {

namespace {

Key server_key_of(std::string_view password, const ScramVerifier& verifier) {
  const auto salt = decode_base64(verifier.salt);
  CHECK(salt.has_value());  // parse_verifier() has looked
  const Key salted =
      pbkdf2_sha256(saslprep(password).reveal(), salt->reveal_bytes(), verifier.iterations);
  return hmac_sha256(salted.reveal(), "Server Key");
}

}  // namespace

PasswordCheck::PasswordCheck(Secret password, std::string user, Verifier verifier,
                             ScramVerifier stand_in)
    : password_(std::move(password)),
      user_(std::move(user)),
      verifier_(std::move(verifier)),
      stand_in_(std::move(stand_in)) {}

bool PasswordCheck::run() const {
  CHECK(stand_in_.iterations > 0);
  const auto* scram = std::get_if<ScramVerifier>(&verifier_);
  const Key derived = server_key_of(password_.reveal(), scram != nullptr ? *scram : stand_in_);
  if (scram != nullptr) return equal(derived.reveal(), scram->server_key.reveal());
  const auto* md5 = std::get_if<Md5Verifier>(&verifier_);
  if (md5 == nullptr) return false;
  const auto hex = md5_hex(password_.reveal(), user_);
  return hex.has_value() && equal(hex->reveal_bytes(), md5->hex.reveal_bytes());
}

}  // namespace server::auth
