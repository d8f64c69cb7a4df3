#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "server/auth/secret.h"

namespace server::auth {

inline constexpr std::size_t kSha256Bytes = 32;
using Key = SecretBytes<kSha256Bytes>;

Key sha256(std::span<const std::byte> bytes);
Key hmac_sha256(std::span<const std::byte> key, std::string_view message);
// Hi() of RFC 5802, which is PBKDF2. Takes about a millisecond for 4096 iterations. REQUIRES:
// iterations > 0.
Key pbkdf2_sha256(std::string_view password, std::span<const std::byte> salt, int iterations);

// The MD5 of two texts behind each other, as 32 hexadecimal digits (pg_md5_encrypt). Nothing if
// this OpenSSL does not compute MD5, as one with FIPS rules does not.
std::optional<Secret> md5_hex(std::string_view first, std::string_view second);

// In a time that depends on the sizes alone.
bool equal(std::span<const std::byte> a, std::span<const std::byte> b);

}  // namespace server::auth
