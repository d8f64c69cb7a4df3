#include "server/auth/scram.h"

#include <array>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/auth/base64.h"
#include "server/auth/scram_reader.h"
#include "server/wire/errors.h"

namespace server::auth {

using runtime::format;

namespace {

constexpr std::string_view kMechanism = "SCRAM-SHA-256";
constexpr std::string_view kBoundMechanism = "SCRAM-SHA-256-PLUS";
constexpr std::size_t kNonceBytes = 18;  // SCRAM_RAW_NONCE_LEN

}  // namespace

std::string ScramServer::make_nonce(RandomSource& random) {
  std::array<std::byte, kNonceBytes> nonce;
  random.fill(nonce);
  return encode_base64(nonce);
}

ScramServer::ScramServer(Options options) : options_(std::move(options)) {
  CHECK(!options_.nonce.empty());
}

std::vector<std::string_view> ScramServer::mechanisms() const {
  if (options_.end_point.has_value()) return {kBoundMechanism, kMechanism};
  return {kMechanism};
}

runtime::Result<void> ScramServer::select(std::string_view mechanism) {
  CHECK(state_ == State::kMechanism);
  bound_ = mechanism == kBoundMechanism && options_.end_point.has_value();
  if (!bound_ && mechanism != kMechanism) {
    return runtime::Error{.kind = &wire::kProtocolViolation,
                          .what = "client selected an invalid SASL authentication mechanism"};
  }
  state_ = State::kFirst;
  return {};
}

// A client that waits for a challenge before it says anything is sent an empty one.
runtime::Result<ScramServer::Step> ScramServer::take(std::optional<std::string_view> message) {
  CHECK(state_ == State::kFirst || state_ == State::kFinal);
  if (!message.has_value()) {
    CHECK(state_ == State::kFirst);
    return Step{.next = Next::kContinue, .reply = {}};
  }
  if (message->empty()) return malformed_scram("The message is empty.");
  if (message->find('\0') != message->npos) {
    return malformed_scram("Message length does not match input length.");
  }
  return state_ == State::kFirst ? take_first(*message) : take_final(*message);
}

runtime::Result<ScramServer::Step> ScramServer::take_first(std::string_view message) {
  const ClientFirst first = TRY(
      parse_client_first(message, {.encrypted = options_.end_point.has_value(), .bound = bound_}));
  binding_flag_ = first.binding_flag;
  nonce_ = std::string(first.nonce) + options_.nonce;
  std::string reply =
      format("r={},s={},i={}", nonce_, options_.verifier.salt, options_.verifier.iterations);
  auth_message_ = format("{},{}", first.bare, reply);
  state_ = State::kFinal;
  return Step{.next = Next::kContinue, .reply = std::move(reply)};
}

// The proof is computed whether it can be right or not, so that the time tells nothing.
runtime::Result<ScramServer::Step> ScramServer::take_final(std::string_view message) {
  state_ = State::kEnd;
  const auto end_point =
      bound_ ? std::optional<std::string_view>(*options_.end_point) : std::nullopt;
  const ClientFinal final = TRY(parse_client_final(message, binding_flag_, end_point));
  if (!equal(std::as_bytes(std::span(final.nonce)), std::as_bytes(std::span(nonce_)))) {
    return runtime::Error{.kind = &wire::kProtocolViolation,
                          .what = "invalid SCRAM response",
                          .detail = "Nonce does not match."};
  }
  const std::string auth_message = format("{},{}", auth_message_, final.without_proof);
  const bool proven = proves(final, auth_message);
  if (!proven || options_.doomed) return Step{.next = Next::kFailed, .reply = {}};
  const Key signature = hmac_sha256(options_.verifier.server_key.reveal(), auth_message);
  return Step{.next = Next::kIn, .reply = "v=" + encode_base64(signature.reveal())};
}

// The proof is the client's key, which the server does not have, under a signature that it can
// make; the digest of that key it has.
bool ScramServer::proves(const ClientFinal& final, std::string_view auth_message) const {
  const ScramVerifier& verifier = options_.verifier;
  Key client_key = hmac_sha256(verifier.stored_key.reveal(), auth_message);
  for (std::size_t i = 0; i < kSha256Bytes; ++i) client_key.reveal()[i] ^= final.proof.reveal()[i];
  return equal(sha256(client_key.reveal()).reveal(), verifier.stored_key.reveal());
}

}  // namespace server::auth
