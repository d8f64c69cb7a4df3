#include "server/auth/base64.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>

#include "runtime/check.h"

namespace server::auth {

namespace {

constexpr std::size_t kGroup = 4;  // characters, for three bytes
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> kValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

}  // namespace

std::string encode_base64(std::span<const std::byte> bytes) {
  const std::size_t size = (bytes.size() + 2) / 3 * kGroup;
  std::string text(size + 1, '\0');  // OpenSSL ends it with a NUL
  const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                      reinterpret_cast<const unsigned char*>(bytes.data()),
                                      static_cast<int>(bytes.size()));
  CHECK(written >= 0 && static_cast<std::size_t>(written) == size);
  text.resize(size);
  return text;
}

std::optional<Secret> decode_base64(std::string_view text) {
  if (text.size() % kGroup != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::string_view digits = text.substr(0, text.size() - padding);
  std::array<char, 3> group{};
  std::string decoded;
  decoded.reserve(text.size() / kGroup * 3);
  std::uint32_t bits = 0;
  std::size_t count = 0;
  bool valid = true;
  for (const char digit : digits) {
    const std::int8_t value = kValues[static_cast<unsigned char>(digit)];
    valid = valid && value >= 0;
    bits = bits << 6 | static_cast<std::uint32_t>(value & 0x3F);
    if (++count % kGroup != 0) continue;
    for (std::size_t i = 0; i < 3; ++i) group[i] = static_cast<char>(bits >> (16 - 8 * i));
    decoded.append(group.data(), group.size());
  }
  bits <<= 6 * padding;
  for (std::size_t i = 0; padding != 0 && i < 3 - padding; ++i) {
    decoded.push_back(static_cast<char>(bits >> (16 - 8 * i)));
  }
  Secret secret(decoded);
  wipe(std::as_writable_bytes(std::span(decoded)));
  wipe(std::as_writable_bytes(std::span(group)));
  return valid ? std::optional(std::move(secret)) : std::nullopt;
}

}  // namespace server::auth
