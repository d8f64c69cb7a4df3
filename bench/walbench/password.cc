#include "bench/walbench/password.h"

#include <array>
#include <charconv>

#include "bench/walbench/failures.h"
#include "runtime/format.h"
#include "server/auth/base64.h"
#include "server/auth/saslprep.h"
#include "server/wire/codec.h"

namespace bench::walbench {

using runtime::format;
using runtime::Result;
namespace auth = server::auth;

namespace {

// AuthenticationOk and so on (protocol.h: AUTH_REQ_OK ...).
enum Request : std::uint32_t {
  kOk = 0,
  kPassword = 3,
  kMd5 = 5,
  kSasl = 10,
  kSaslContinue = 11,
  kSaslFinal = 12,
};

constexpr std::string_view kMechanism = "SCRAM-SHA-256";
// gs2-header: no channel binding, no other identity; and the same in base64, as the last message
// repeats it.
constexpr std::string_view kGs2Header = "n,,";
constexpr std::string_view kGs2HeaderBase64 = "biws";
constexpr std::size_t kNonceBytes = 18;

runtime::Error refused(std::string what) {
  return {.kind = &kAuthentication, .what = std::move(what)};
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes password_message(std::string_view body) {
  Bytes message(1 + sizeof(std::uint32_t) + body.size());
  message[0] = std::byte{'p'};
  server::wire::store_big_endian(&message[1],
                                 static_cast<std::uint32_t>(sizeof(std::uint32_t) + body.size()));
  std::copy(bytes_of(body).begin(), bytes_of(body).end(), message.begin() + 5);
  return message;
}

std::string with_end(std::string_view text) { return std::string(text) + '\0'; }

// The value of the attribute `name` in a SCRAM message: "r=..." up to the next comma.
std::optional<std::string_view> attribute(std::string_view message, char name) {
  while (!message.empty()) {
    const std::string_view item = message.substr(0, message.find(','));
    if (item.size() >= 2 && item[0] == name && item[1] == '=') return item.substr(2);
    message.remove_prefix(std::min(message.size(), item.size() + 1));
  }
  return std::nullopt;
}

struct ServerFirst {
  std::string_view nonce;
  auth::Secret salt;
  int iterations = 0;
};

Result<ServerFirst> parse_server_first(std::string_view message, std::string_view client_nonce) {
  const auto nonce = attribute(message, 'r');
  const auto salt = attribute(message, 's');
  const auto count = attribute(message, 'i');
  if (!nonce || !salt || !count) return refused("malformed SCRAM message from the server");
  if (!nonce->starts_with(client_nonce)) return refused("the server's SCRAM nonce is another");
  auto decoded = auth::decode_base64(*salt);
  int iterations = 0;
  std::from_chars(count->data(), count->data() + count->size(), iterations);
  if (!decoded || iterations < 1) return refused("malformed SCRAM message from the server");
  return ServerFirst{.nonce = *nonce, .salt = std::move(*decoded), .iterations = iterations};
}

}  // namespace

ScramKeys::Keys ScramKeys::get(const std::string& password, std::string_view salt, int iterations) {
  const std::string name = format("{}:{}:{}:{}", iterations, salt.size(), salt, password);
  if (const auto found = known_.find(name); found != known_.end()) return found->second;
  const auth::Secret prepared = auth::saslprep(password);
  const auth::Key salted = auth::pbkdf2_sha256(prepared.reveal(), bytes_of(salt), iterations);
  const Keys keys{.client = auth::hmac_sha256(salted.reveal(), "Client Key"),
                  .server = auth::hmac_sha256(salted.reveal(), "Server Key")};
  if (known_.size() < kEntriesMax) known_.emplace(name, keys);
  return keys;
}

Result<Bytes> PasswordProof::on_request(std::span<const std::byte> body) {
  const auto code = TRY(server::wire::ByteReader(body).integer<std::uint32_t>());
  if (code == kOk) {
    if (uses_scram_ && !proven_) return refused("the server has ended SCRAM without its proof");
    return Bytes{};
  }
  if (password_.empty()) return refused("server asks for a password, and none is given");
  return answer(code, text_of(body.subspan(sizeof(code))));
}

Result<Bytes> PasswordProof::answer(std::uint32_t code, std::string_view data) {
  switch (code) {
    case kPassword:
      return password_message(with_end(password_));
    case kMd5:
      return md5(data);
    case kSasl:
      return begin_scram(data);
    case kSaslContinue:
      return go_on_with_scram(data);
    case kSaslFinal:
      TRY(end_scram(data));
      return Bytes{};
    default:
      return refused(format("server asks for an unknown method of authentication, {}", code));
  }
}

// pg_md5_encrypt, twice: over the role's name, then over the salt.
Result<Bytes> PasswordProof::md5(std::string_view salt) const {
  const auto stored = auth::md5_hex(password_, user_);
  if (!stored) return refused("this OpenSSL does not compute MD5");
  const auto answer = auth::md5_hex(stored->reveal(), salt);
  if (!answer) return refused("this OpenSSL does not compute MD5");
  return password_message(with_end(format("md5{}", answer->reveal())));
}

Result<Bytes> PasswordProof::begin_scram(std::string_view mechanisms) {
  bool offered = false;
  while (!mechanisms.empty()) {
    const std::string_view one = mechanisms.substr(0, mechanisms.find('\0'));
    offered = offered || one == kMechanism;
    mechanisms.remove_prefix(std::min(mechanisms.size(), one.size() + 1));
  }
  if (!offered) return refused("server does not offer SCRAM-SHA-256");
  std::array<std::byte, kNonceBytes> random;
  random_.fill(random);
  nonce_ = auth::encode_base64(random);
  uses_scram_ = true;
  // The role is that of the start-up packet: a server ignores the name here.
  const std::string first = format("{}n=,r={}", kGs2Header, nonce_);
  std::array<std::byte, sizeof(std::uint32_t)> size;
  server::wire::store_big_endian(size.data(), static_cast<std::uint32_t>(first.size()));
  return password_message(with_end(kMechanism) + std::string(text_of(size)) + first);
}

Result<Bytes> PasswordProof::go_on_with_scram(std::string_view server_first) {
  if (!uses_scram_) return refused("malformed SCRAM message from the server");
  const ServerFirst first = TRY(parse_server_first(server_first, nonce_));
  const ScramKeys::Keys keys = keys_.get(password_, first.salt.reveal(), first.iterations);
  const std::string without_proof = format("c={},r={}", kGs2HeaderBase64, first.nonce);
  const std::string message = format("n=,r={},{},{}", nonce_, server_first, without_proof);
  const auth::Key stored = auth::sha256(keys.client.reveal());
  const auth::Key signature = auth::hmac_sha256(stored.reveal(), message);
  std::array<std::byte, auth::kSha256Bytes> proof;
  for (std::size_t i = 0; i < proof.size(); ++i) {
    proof[i] = keys.client.reveal()[i] ^ signature.reveal()[i];
  }
  server_signature_ =
      auth::encode_base64(auth::hmac_sha256(keys.server.reveal(), message).reveal());
  return password_message(format("{},p={}", without_proof, auth::encode_base64(proof)));
}

Result<void> PasswordProof::end_scram(std::string_view server_final) {
  const auto signature = attribute(server_final, 'v');
  if (!signature || server_signature_.empty() || *signature != server_signature_) {
    return refused("the server does not know the role's password");
  }
  proven_ = true;
  return {};
}

}  // namespace bench::walbench
