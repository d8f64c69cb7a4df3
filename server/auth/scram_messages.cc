#include "server/auth/scram_messages.h"

#include <algorithm>

#include "runtime/format.h"
#include "server/auth/base64.h"
#include "server/auth/scram_reader.h"
#include "server/wire/errors.h"

namespace server::auth {

using runtime::format;

namespace {

constexpr std::string_view kEndPointType = "tls-server-end-point";

runtime::Error unsupported(std::string what) {
  return {.kind = &wire::kFeatureNotSupported, .what = std::move(what)};
}

runtime::Result<void> skip_flag(ScramReader& reader) {
  reader.skip();
  if (reader.peek() != ',') {
    return malformed_scram(
        format("Comma expected, but found character \"{}\".", printable(reader.peek())));
  }
  reader.skip();
  return {};
}

runtime::Result<void> read_binding_type(ScramReader& reader) {
  const std::string_view type = TRY(reader.read('p'));
  if (type == kEndPointType) return {};
  return runtime::Error{
      .kind = &wire::kProtocolViolation,
      .what = format("unsupported SCRAM channel-binding type \"{}\"", printable(type))};
}

// gs2-cbind-flag. A client that believes that this server has no channel binding, where it offered
// that, may have had the offer taken out on its way.
runtime::Result<void> read_binding_flag(ScramReader& reader, ScramChannel channel) {
  const char flag = reader.peek();
  if (flag != 'n' && flag != 'y' && flag != 'p') {
    return malformed_scram(format("Unexpected channel-binding flag \"{}\".", printable(flag)));
  }
  if (flag == 'p' && !channel.bound) {
    return malformed_scram(
        "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message "
        "includes channel binding data.");
  }
  if (flag == 'p') return read_binding_type(reader);
  if (channel.bound) {
    return malformed_scram(
        "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel "
        "binding data.");
  }
  if (flag == 'y' && channel.encrypted) {
    return runtime::Error{
        .kind = &wire::kInvalidAuthorization,
        .what = "SCRAM channel binding negotiation error",
        .detail =
            "The client supports SCRAM channel binding but thinks the server does not.  "
            "However, this server does support channel binding."};
  }
  return skip_flag(reader);
}

// What is left of gs2-header: no authorization identity, and a comma.
runtime::Result<void> read_identity(ScramReader& reader) {
  if (reader.peek() == 'a') {
    return unsupported("client uses authorization identity, but it is not supported");
  }
  if (reader.peek() != ',') {
    return malformed_scram(
        format("Unexpected attribute \"{}\" in client-first-message.", printable(reader.peek())));
  }
  reader.skip();
  return {};
}

bool is_nonce(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x21 && c <= 0x7E; });
}

// What the client must say of the channel: gs2-header, and the data that the channel is bound to.
std::string binding_of(char flag, std::optional<std::string_view> end_point) {
  std::string input =
      end_point.has_value() ? format("p={},,", kEndPointType) : format("{},,", flag);
  if (end_point.has_value()) input += *end_point;
  return encode_base64(std::as_bytes(std::span(input)));
}

runtime::Error wrong_binding(bool bound) {
  if (bound) {
    return {.kind = &wire::kInvalidAuthorization, .what = "SCRAM channel binding check failed"};
  }
  return {.kind = &wire::kProtocolViolation,
          .what = "unexpected SCRAM channel-binding attribute in client-final-message"};
}

}  // namespace

// The name of the user in it is not looked at: the start-up packet has given one. Extensions behind
// the nonce are optional, and none is known.
runtime::Result<ClientFirst> parse_client_first(std::string_view message, ScramChannel channel) {
  ScramReader reader(message);
  const char flag = reader.peek();
  TRY(read_binding_flag(reader, channel));
  TRY(read_identity(reader));
  const std::string_view bare = reader.rest();
  if (reader.peek() == 'm') return unsupported("client requires an unsupported SCRAM extension");
  TRY(reader.read('n'));
  const std::string_view nonce = TRY(reader.read('r'));
  if (!is_nonce(nonce)) {
    return runtime::Error{.kind = &wire::kProtocolViolation,
                          .what = "non-printable characters in SCRAM nonce"};
  }
  while (!reader.at_end()) TRY(reader.read_any());
  return ClientFirst{.binding_flag = flag, .bare = bare, .nonce = nonce};
}

runtime::Result<ClientFinal> parse_client_final(std::string_view message, char binding_flag,
                                                std::optional<std::string_view> end_point) {
  ScramReader reader(message);
  if (TRY(reader.read('c')) != binding_of(binding_flag, end_point)) {
    return wrong_binding(end_point.has_value());
  }
  ClientFinal final{.nonce = TRY(reader.read('r')), .without_proof = {}, .proof = {}};
  ScramReader::Attribute attribute{};
  std::size_t proof_begin = 0;
  do {
    proof_begin = reader.position();
    attribute = TRY(reader.read_any());
  } while (attribute.name != 'p');
  const auto proof = decode_base64(attribute.value);
  if (!proof.has_value() || proof->size() != kSha256Bytes) {
    return malformed_scram("Malformed proof in client-final-message.");
  }
  if (!reader.at_end()) return malformed_scram("Garbage found at the end of client-final-message.");
  final.proof = Key(proof->reveal_bytes().first<kSha256Bytes>());
  final.without_proof = message.substr(0, proof_begin - 1);  // without the comma before it
  return final;
}

}  // namespace server::auth
