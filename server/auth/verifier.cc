#include "server/auth/verifier.h"

#include <algorithm>
#include <charconv>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/auth/base64.h"
#include "server/auth/saslprep.h"

namespace server::auth {

namespace {

constexpr std::string_view kScramScheme = "SCRAM-SHA-256";
constexpr std::string_view kMd5Scheme = "md5";
constexpr std::size_t kMd5HexBytes = 32;

std::optional<Md5Verifier> parse_md5(std::string_view text) {
  if (!text.starts_with(kMd5Scheme)) return std::nullopt;
  const std::string_view hex = text.substr(kMd5Scheme.size());
  if (hex.size() != kMd5HexBytes || hex.find_first_not_of("0123456789abcdef") != hex.npos) {
    return std::nullopt;
  }
  return Md5Verifier{.hex = Secret(hex)};
}

// The text before the first `end`. Both are taken off `rest`.
std::optional<std::string_view> take_field(std::string_view& rest, char end) {
  const auto at = rest.find(end);
  if (at == rest.npos) return std::nullopt;
  const std::string_view field = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return field;
}

bool parse_key(std::string_view text, Key& key) {
  const auto bytes = decode_base64(text);
  if (!bytes.has_value() || bytes->size() != kSha256Bytes) return false;
  key = Key(bytes->reveal_bytes().first<kSha256Bytes>());
  return true;
}

std::optional<ScramVerifier> parse_scram(std::string_view text) {
  const auto scheme = take_field(text, '$');
  if (scheme != kScramScheme) return std::nullopt;
  const auto iterations = take_field(text, ':');
  const auto salt = take_field(text, '$');
  const auto stored_key = take_field(text, ':');
  if (!iterations || !salt || !stored_key || salt->empty()) return std::nullopt;
  ScramVerifier verifier;
  verifier.salt = *salt;
  const char* const end = iterations->data() + iterations->size();
  const auto parsed = std::from_chars(iterations->data(), end, verifier.iterations);
  if (parsed.ec != std::errc() || parsed.ptr != end || verifier.iterations < 1 ||
      verifier.iterations > kIterationsMax) {
    return std::nullopt;
  }
  if (!decode_base64(*salt) || !parse_key(*stored_key, verifier.stored_key) ||
      !parse_key(text, verifier.server_key)) {
    return std::nullopt;
  }
  return verifier;
}

}  // namespace

Verifier parse_verifier(std::string_view text) {
  if (text.empty()) return NoPassword{};
  if (text.size() > kVerifierBytesMax) return UnknownVerifier{};
  if (auto md5 = parse_md5(text)) return *std::move(md5);
  if (auto scram = parse_scram(text)) return *std::move(scram);
  return UnknownVerifier{};
}

Secret text_of(const Verifier& verifier) {
  std::string text;
  if (const auto* scram = std::get_if<ScramVerifier>(&verifier)) {
    text = runtime::format("{}${}:{}${}:{}", kScramScheme, scram->iterations, scram->salt,
                           encode_base64(scram->stored_key.reveal()),
                           encode_base64(scram->server_key.reveal()));
  } else if (const auto* md5 = std::get_if<Md5Verifier>(&verifier)) {
    text = runtime::format("{}{}", kMd5Scheme, md5->hex.reveal());
  }
  Secret secret(text);
  wipe(std::as_writable_bytes(std::span(text)));
  return secret;
}

ScramVerifier make_scram_verifier(std::string_view password, std::span<const std::byte> salt,
                                  int iterations) {
  CHECK(!salt.empty());
  const Key salted = pbkdf2_sha256(saslprep(password).reveal(), salt, iterations);
  const Key client_key = hmac_sha256(salted.reveal(), "Client Key");
  return {.iterations = iterations,
          .salt = encode_base64(salt),
          .stored_key = sha256(client_key.reveal()),
          .server_key = hmac_sha256(salted.reveal(), "Server Key")};
}

std::optional<Md5Verifier> make_md5_verifier(std::string_view password, std::string_view user) {
  auto hex = md5_hex(password, user);
  if (!hex.has_value()) return std::nullopt;
  return Md5Verifier{.hex = *std::move(hex)};
}

bool answers_md5_challenge(const Md5Verifier& verifier, std::string_view salt,
                           std::string_view response) {
  const auto hex = md5_hex(verifier.hex.reveal(), salt);
  if (!hex.has_value() || !response.starts_with(kMd5Scheme)) return false;
  return equal(hex->reveal_bytes(), std::as_bytes(std::span(response)).subspan(kMd5Scheme.size()));
}

}  // namespace server::auth
