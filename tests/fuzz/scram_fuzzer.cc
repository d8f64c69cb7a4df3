// A client that authenticates: as a role, and beside it as a name that is none.
//   input: flags, then the bytes that the client sends

#include <algorithm>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/check.h"
#include "server/auth/base64.h"
#include "server/auth/exchange.h"
#include "tests/fuzz/input.h"
#include "tests/support/backend_messages.h"
#include "tests/support/counting_random.h"

namespace {

using server::auth::Exchange;
using server::auth::ExchangeMethod;
using server::auth::Key;
using server::auth::Mock;
using server::auth::Role;
using server::wire::Cut;
using server::wire::MessageWriter;
using Next = Exchange::Next;

constexpr std::string_view kUser = "user";
constexpr std::string_view kPassword = "secret";
constexpr std::string_view kEndPoint = "hash";

struct Flags {
  explicit Flags(std::uint8_t bits)
      : method((bits & 1) != 0   ? ExchangeMethod::kPassword
               : (bits & 2) != 0 ? ExchangeMethod::kMd5
                                 : ExchangeMethod::kScram),
        md5_role((bits & 4) != 0),
        under_tls((bits & 8) != 0),
        proofs_are_mended((bits & 0x10) == 0) {}

  ExchangeMethod method;
  bool md5_role;
  bool under_tls;
  bool proofs_are_mended;
};

const Mock& mock() {
  static const Mock kMock(Key{}, 1);
  return kMock;
}

// The role's salt is what its name would have if it were none.
const Role& role_of(const Flags& flags) {
  static const auto kSalt = server::auth::decode_base64(mock().verifier(kUser).salt);
  static const Role kScram{
      .name = std::string(kUser),
      .verifier = server::auth::make_scram_verifier(kPassword, kSalt->reveal_bytes(), 1)};
  static const Role kMd5{.name = std::string(kUser),
                         .verifier = *server::auth::make_md5_verifier(kPassword, kUser)};
  return flags.md5_role ? kMd5 : kScram;
}

// By the method md5 a role with such a verifier shows itself, as PostgreSQL's does, and is like
// others of its kind alone.
const Role* stranger_of(const Flags& flags) {
  static const Role kOther{.name = std::string(kUser),
                           .verifier = *server::auth::make_md5_verifier("another", kUser)};
  return flags.method == ExchangeMethod::kMd5 && flags.md5_role ? &kOther : nullptr;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7E; });
}

// One side of the play: the server, and what a client knows of it.
class Player {
 public:
  Player(const Flags& flags, const Role* role)
      : flags_(flags),
        exchange_(
            {.method = flags.method,
             .user = kUser,
             .role = role,
             .end_point = flags.under_tls ? std::optional(std::string(kEndPoint)) : std::nullopt,
             .now = 0},
            mock(), random_) {}

  Next begin() {
    MessageWriter out(std::pmr::get_default_resource());
    return finish(exchange_.begin(out), out);
  }
  Next take(const server::wire::CutResult& cut) {
    MessageWriter out(std::pmr::get_default_resource());
    return finish(exchange_.take(cut, out), out);
  }
  server::wire::CutResult cut(std::span<const std::byte> bytes) const {
    return exchange_.cut(bytes);
  }
  const std::vector<std::string>& written() const { return written_; }
  const server::auth::Refusal& refusal() const { return refusal_; }

 private:
  Next finish(Next next, const MessageWriter& out) {
    written_ = tests::describe(out.bytes());
    for (const std::string& line : written_) CHECK(line.starts_with("R "));
    if (next == Next::kCheck) next = exchange_.checked(exchange_.take_check().run());
    CHECK(next == Next::kMore ? written_.size() == 1 : next != Next::kRefused || written_.empty());
    if (next == Next::kRefused) {
      refusal_ = exchange_.take_refusal();
      const runtime::Error& error = refusal_.error;
      CHECK(error.kind->code.size() == 5 && !error.what.empty());
      CHECK(is_printable(error.what) && is_printable(error.detail));
    }
    return next;
  }

  const Flags flags_;
  tests::CountingRandom random_;
  Exchange exchange_;
  std::vector<std::string> written_;
  server::auth::Refusal refusal_{};
};

// The client's message with the nonce of both and the proof that `password` makes, where it looks
// like a client-final-message: "c=...,r=...,p=...".
std::string mended(std::string_view message, std::string_view bare, std::string_view server_first) {
  const auto nonce_at = message.find(",r=");
  const auto proof_at = message.rfind(",p=");
  if (nonce_at == message.npos || proof_at == message.npos || proof_at <= nonce_at) {
    return std::string(message);
  }
  const auto rest_at = std::min(message.find(',', nonce_at + 1), proof_at);
  const std::string_view nonce = server_first.substr(2, server_first.find(",s=") - 2);
  std::string text(message.substr(0, nonce_at + 3));
  text += nonce;
  text += message.substr(rest_at, proof_at - rest_at);
  const std::string auth_message = std::string(bare) + "," + std::string(server_first) + "," + text;
  const auto salt = server::auth::decode_base64(mock().verifier(kUser).salt);
  const Key salted = server::auth::pbkdf2_sha256(kPassword, salt->reveal_bytes(), 1);
  Key proof = server::auth::hmac_sha256(salted.reveal(), "Client Key");
  const Key signature =
      server::auth::hmac_sha256(server::auth::sha256(proof.reveal()).reveal(), auth_message);
  for (std::size_t i = 0; i < server::auth::kSha256Bytes; ++i) {
    proof.reveal()[i] ^= signature.reveal()[i];
  }
  return text + ",p=" + server::auth::encode_base64(proof.reveal());
}

// client-first-message-bare, if `message` is a first one: what is behind its second comma.
std::string_view bare_of(std::string_view message) {
  const auto first = message.find(',');
  const auto second = first == message.npos ? first : message.find(',', first + 1);
  return second == message.npos ? std::string_view() : message.substr(second + 1);
}

// Plays the client's messages to a role and to a name that is none.
class Play {
 public:
  explicit Play(const Flags& flags)
      : flags_(flags), role_(flags, &role_of(flags)), stranger_(flags, stranger_of(flags)) {}

  void run(std::span<const std::byte> bytes);

 private:
  bool step(const server::wire::CutResult& cut);
  server::wire::CutResult mend(const server::wire::CutResult& cut);

  const Flags flags_;
  Player role_;
  Player stranger_;
  void check_channel(std::string_view body) const;

  std::string bare_;
  char binding_flag_ = '\0';  // of the client's first message
  std::string server_first_;
  std::string message_;  // what mend() has made
  bool mended_ = false;
};

void Play::run(std::span<const std::byte> bytes) {
  const Next next = role_.begin();
  CHECK(next == Next::kMore && stranger_.begin() == next);
  CHECK(role_.written() == stranger_.written());
  for (;;) {
    const auto cut = role_.cut(bytes);
    if (cut.cut == Cut::kIncomplete) return;
    CHECK(cut.bytes_used <= bytes.size());
    if (!step(mend(cut))) return;
    bytes = bytes.subspan(cut.bytes_used);
  }
}

server::wire::CutResult Play::mend(const server::wire::CutResult& cut) {
  if (cut.cut != Cut::kMessage || !flags_.proofs_are_mended || server_first_.empty()) return cut;
  message_ = mended(text_of(cut.message.body), bare_, server_first_);
  mended_ = true;
  auto made = cut;
  made.message.body = std::as_bytes(std::span(message_));
  return made;
}

// A client is in that has seen the channel as it is, and said so twice.
void Play::check_channel(std::string_view body) const {
  static const std::string kBound = "p=tls-server-end-point,," + std::string(kEndPoint);
  CHECK(binding_flag_ == 'n' || binding_flag_ == (flags_.under_tls ? 'p' : 'y'));
  const std::string said = binding_flag_ == 'p' ? kBound : std::string(1, binding_flag_) + ",,";
  CHECK(body.starts_with("c=" + server::auth::encode_base64(std::as_bytes(std::span(said))) + ","));
}

// Returns whether both go on.
bool Play::step(const server::wire::CutResult& cut) {
  const Next next = role_.take(cut);
  const Next strangers = stranger_.take(cut);
  const std::string_view body = text_of(cut.message.body);
  if (next == Next::kIn) {
    if (flags_.method == ExchangeMethod::kPassword) {
      CHECK(body == std::string(kPassword) + '\0');
    } else if (stranger_of(flags_) != nullptr) {
      CHECK(body.starts_with("md5"));
    } else {
      CHECK(mended_);
      check_channel(body);
      CHECK(role_.written().size() == 1 && role_.written()[0].starts_with("R 12 v="));
    }
    CHECK(strangers == Next::kRefused && stranger_.refusal().error.kind->code == "28P01");
    return false;
  }
  CHECK(next == strangers && role_.written() == stranger_.written());
  if (next == Next::kRefused) {
    CHECK(role_.refusal().error.what == stranger_.refusal().error.what);
    CHECK(role_.refusal().error.detail == stranger_.refusal().error.detail);
    CHECK(role_.refusal().silent == stranger_.refusal().silent);
    return false;
  }
  constexpr std::string_view kChallenge = "R 11 ";
  server_first_ = role_.written()[0].substr(kChallenge.size());
  const auto mechanism_end = body.find('\0');
  const auto header_at = mechanism_end == body.npos ? 0 : mechanism_end + 1 + sizeof(std::uint32_t);
  if (header_at < body.size()) binding_flag_ = body[header_at];
  bare_ = bare_of(body.substr(std::min(body.size(), body.find('\0') + 1)));
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  const Flags flags(input.integer<std::uint8_t>());
  Play(flags).run(tests::exact_copy(input.rest()));
  return 0;
}
