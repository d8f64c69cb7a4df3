#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/auth/mock.h"
#include "server/auth/password_check.h"
#include "server/auth/random_source.h"
#include "server/auth/role.h"
#include "server/auth/scram.h"
#include "server/wire/framer.h"
#include "server/wire/message.h"

namespace server::auth {

// How a client proves that it is the role it names, by what the client sends.
enum class ExchangeMethod { kScram, kMd5, kPassword };

// Why a client is not let in.
struct Refusal {
  runtime::Error error;  // what the client is told
  // What the log is told besides; it would tell a stranger too much.
  std::string log_detail = {};
  bool silent = false;       // PostgreSQL closes here, and tells the client nothing
  bool wrong_proof = false;  // the client has tried to prove who it is, and may try again
};

// The error for a client that has not proven its name by its password.
runtime::Error password_failed(std::string_view user);

// The exchange of messages between the start-up packet and AuthenticationOk (auth.c,
// ClientAuthentication; auth-sasl.c): messages in, messages out, and no I/O. An error that it ends
// with is FATAL.
//   Owner: Authentication.  Thread: the owner's; a PasswordCheck runs elsewhere.
//   Borrows: nothing behind the constructor, so that roles may be read again meanwhile.
//   Invariant: begin() comes first; take() only after kMore; checked() only after kCheck; nothing
//     after the rest. No client comes in without a verifier, or with one that has expired.
//   Limits: kSaslMessageBytesMax, kPasswordMessageBytesMax: with the length word,
//     without the type.
class Exchange {
 public:
  static constexpr std::uint32_t kSaslMessageBytesMax = 1024;       // PG_MAX_SASL_MESSAGE_LENGTH
  static constexpr std::uint32_t kPasswordMessageBytesMax = 65535;  // PG_MAX_AUTH_TOKEN_LENGTH

  enum class Next {
    kMore,     // the client's next message is wanted
    kCheck,    // take_check() wants to be run, and checked() its result
    kIn,       // the client has proven it; AuthenticationOk is the caller's
    kRefused,  // take_refusal() says why
  };

  struct Options {
    ExchangeMethod method;
    std::string_view user;
    const Role* role = nullptr;  // of that name, if there is one
    // Under TLS: the hash of the certificate (RFC 5929, tls-server-end-point).
    std::optional<std::string> end_point = {};
    runtime::WallMicros now;  // by which passwords expire
  };

  Exchange(const Options& options, const Mock& mock, RandomSource& random);

  // Writes the first request.
  Next begin(wire::MessageWriter& out);
  // Cuts off the client's next message as far as the method allows it.
  wire::CutResult cut(std::span<const std::byte> bytes) const {
    return wire::cut_password_message(bytes, message_bytes_max());
  }
  // Takes what cut() has found; what it found is no message, or a whole one. The bytes of a message
  // may have a password, and are the caller's to overwrite.
  Next take(const wire::CutResult& cut, wire::MessageWriter& out);

  // To be run where it may block. REQUIRES: kCheck was returned.
  PasswordCheck take_check();
  // `right` is what the check said.
  Next checked(bool right);

  // REQUIRES: kRefused was returned.
  Refusal take_refusal();

 private:
  enum class Request { kSasl, kMd5, kPassword };
  static constexpr std::size_t kMd5SaltBytes = 4;

  // What is wrong with a client's password.
  enum class Fault { kWrong, kNoRole, kNoPassword, kExpired, kUnknownVerifier, kNoScramVerifier };

  // The role's verifier, if it may be used at all; `fault_` says why not.
  const Verifier* find_verifier(const Options& options);
  void prepare_scram(const Verifier* verifier, std::optional<std::string> end_point,
                     RandomSource& random);
  std::uint32_t message_bytes_max() const;
  Next take_sasl(std::span<const std::byte> body, wire::MessageWriter& out);
  runtime::Result<std::optional<std::string_view>> read_sasl(std::span<const std::byte> body);
  Next take_password(std::span<const std::byte> body);
  Next refuse_cut(const wire::CutResult& cut);
  Next fail(std::string log_detail);
  Next refuse(runtime::Error error);
  std::string fault_text() const;

  const std::string user_;
  const ScramVerifier stand_in_;  // the mock's for this user
  Fault fault_ = Fault::kWrong;
  Verifier verifier_;                 // for the methods that take a password, or its MD5
  std::optional<ScramServer> scram_;  // for the others
  std::array<std::byte, kMd5SaltBytes> md5_salt_{};
  Request request_ = Request::kSasl;  // what the next message answers
  std::optional<Next> next_;          // what the last call returned
  bool mechanism_selected_ = false;
  PasswordCheck check_;
  Refusal refusal_{};
};

}  // namespace server::auth
