#include "server/auth/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <memory>

#include "runtime/check.h"

namespace server::auth {

namespace {

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* writable(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}
const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Key sha256(std::span<const std::byte> bytes) {
  Key digest;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), writable(digest.reveal()), nullptr, EVP_sha256(),
                   nullptr) == 1);
  return digest;
}

Key hmac_sha256(std::span<const std::byte> key, std::string_view message) {
  Key code;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(message), message.size(),
             writable(code.reveal()), nullptr) != nullptr);
  return code;
}

Key pbkdf2_sha256(std::string_view password, std::span<const std::byte> salt, int iterations) {
  CHECK(iterations > 0);
  Key key;
  CHECK(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), raw(salt),
                          static_cast<int>(salt.size()), iterations, EVP_sha256(),
                          static_cast<int>(kSha256Bytes), writable(key.reveal())) == 1);
  return key;
}

std::optional<Secret> md5_hex(std::string_view first, std::string_view second) {
  constexpr std::size_t kMd5Bytes = 16;
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  SecretBytes<kMd5Bytes> digest;
  if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), first.data(), first.size()) != 1 ||
      EVP_DigestUpdate(context.get(), second.data(), second.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), writable(digest.reveal()), nullptr) != 1) {
    return std::nullopt;
  }
  std::array<char, 2 * kMd5Bytes> hex{};
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const auto byte = static_cast<unsigned>(digest.reveal()[i / 2]);
    hex[i] = kHexDigits[i % 2 == 0 ? byte >> 4 : byte & 0xF];
  }
  Secret secret(std::string_view(hex.data(), hex.size()));
  wipe(std::as_writable_bytes(std::span(hex)));
  return secret;
}

bool equal(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace server::auth
