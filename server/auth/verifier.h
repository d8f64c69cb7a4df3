#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "server/auth/digest.h"
#include "server/auth/secret.h"

namespace server::auth {

// What a server keeps to recognise a role's password by: pg_authid.rolpassword, taken apart.

struct NoPassword {};

// "md5" and the MD5 of the password and the role's name, as hexadecimal digits.
struct Md5Verifier {
  Secret hex;
};

// SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey> (RFC 5803).
struct ScramVerifier {
  int iterations = 0;
  std::string salt;  // in base64, as it stands in the verifier and goes to the client
  Key stored_key;
  Key server_key;
};

// A text that is neither: perhaps a password in the clear, with which no role comes in.
struct UnknownVerifier {};

using Verifier = std::variant<NoPassword, Md5Verifier, ScramVerifier, UnknownVerifier>;

inline constexpr int kIterationsMax = 1'000'000;        // half a second of computing
inline constexpr std::size_t kVerifierBytesMax = 1024;  // twice of what PostgreSQL 18 stores
// What PostgreSQL takes for a new verifier (SCRAM_SHA_256_DEFAULT_ITERATIONS, and
// SCRAM_DEFAULT_SALT_LEN).
inline constexpr int kUsualIterations = 4096;
inline constexpr std::size_t kUsualSaltBytes = 16;

// An empty text is NoPassword. Unlike PostgreSQL (parse_scram_secret), no count of iterations
// below one or above kIterationsMax is taken, and no empty salt.
Verifier parse_verifier(std::string_view text);
// As it is stored. Empty for NoPassword and UnknownVerifier.
Secret text_of(const Verifier& verifier);

// Takes as long as pbkdf2_sha256().
ScramVerifier make_scram_verifier(std::string_view password, std::span<const std::byte> salt,
                                  int iterations);
// Nothing if there is no MD5 (digest.h).
std::optional<Md5Verifier> make_md5_verifier(std::string_view password, std::string_view user);

// Whether `response` answers the challenge `salt` of the method md5 (crypt.c, md5_crypt_verify).
bool answers_md5_challenge(const Md5Verifier& verifier, std::string_view salt,
                           std::string_view response);

}  // namespace server::auth
