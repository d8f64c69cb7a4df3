#include "tests/auth/exchange_client.h"

#include <memory_resource>

#include "runtime/format.h"
#include "server/auth/base64.h"
#include "tests/auth/scram_client.h"
#include "tests/support/backend_messages.h"
#include "tests/support/bytes.h"

namespace tests {

namespace auth = server::auth;
namespace wire = server::wire;
using Next = auth::Exchange::Next;

namespace {

std::string be32(std::size_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

std::string text_of(const auth::Refusal& refusal) {
  return runtime::format("{} {}{}{} // {}{}", refusal.error.kind->code, refusal.error.what,
                         refusal.error.detail.empty() ? "" : " | ", refusal.error.detail,
                         refusal.log_detail, refusal.silent ? " silent" : "");
}

}  // namespace

auth::ScramVerifier scram_verifier(std::string_view password, int iterations) {
  return auth::make_scram_verifier(password, bytes("00112233445566778899aabbccddeeff"), iterations);
}

const auth::Mock& test_mock() {
  static const auth::Mock mock(auth::sha256(bytes("\"a secret\"")), 16);
  return mock;
}

std::string password_message(std::string_view body) {
  return "p" + be32(body.size() + sizeof(std::uint32_t)) + std::string(body);
}

std::string initial_response(std::string_view mechanism, std::string_view message) {
  return std::string(mechanism) + '\0' + be32(message.size()) + std::string(message);
}

std::string ExchangeClient::outcome(Next next, const wire::MessageWriter& writer) {
  written_.clear();
  for (const std::string& line : describe(writer.bytes())) {
    written_ += (written_.empty() ? "" : " ") + line;
  }
  if (next == Next::kCheck) next = exchange_.checked(exchange_.take_check().run());
  switch (next) {
    case Next::kMore:
      return written_;
    case Next::kIn:
      return written_.empty() ? "in" : "in " + written_;
    case Next::kRefused:
      CHECK(written_.empty());
      return text_of(exchange_.take_refusal());
    case Next::kCheck:
      break;
  }
  UNREACHABLE();
}

std::string ExchangeClient::begin() {
  wire::MessageWriter writer(std::pmr::get_default_resource());
  const Next next = exchange_.begin(writer);
  return outcome(next, writer);
}

wire::CutResult ExchangeClient::cut(std::string_view bytes) const {
  return exchange_.cut(std::as_bytes(std::span(bytes)));
}

std::string ExchangeClient::send_bytes(std::string_view bytes) {
  wire::MessageWriter writer(std::pmr::get_default_resource());
  const Next next = exchange_.take(cut(bytes), writer);
  return outcome(next, writer);
}

std::string ExchangeClient::prove(std::string_view password, std::string_view mechanism,
                                  std::optional<std::string_view> end_point) {
  const std::string header = end_point.has_value() ? "p=tls-server-end-point,," : "n,,";
  const std::string input = header + std::string(end_point.value_or(""));
  auth::ScramClient client(password);
  const std::string first = send(initial_response(mechanism, client.first(header)));
  constexpr std::string_view kBegin = "R 11 ";
  if (!first.starts_with(kBegin)) return first;
  const std::string last = send(client.final(first.substr(kBegin.size()),
                                             auth::encode_base64(std::as_bytes(std::span(input)))));
  if (last.starts_with("in")) CHECK(last == "in R 12 " + client.server_final());
  return last;
}

}  // namespace tests
