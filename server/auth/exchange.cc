#include "server/auth/exchange.h"

#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::auth {

using runtime::format;

namespace {

constexpr runtime::ErrorKind kInvalidPassword{"invalid_password", "28P01"};

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// PasswordMessage (auth.c, recv_password_packet). Valid as long as the message.
runtime::Result<std::string_view> read_password(std::span<const std::byte> body) {
  const std::string_view text = as_text(body);
  if (text.empty() || text.find('\0') != text.size() - 1) {
    return runtime::Error{.kind = &wire::kProtocolViolation,
                          .what = "invalid password packet size"};
  }
  if (text.size() == 1) {
    return runtime::Error{.kind = &kInvalidPassword, .what = "empty password returned by client"};
  }
  return text.substr(0, text.size() - 1);
}

}  // namespace

// auth.c, auth_failed.
runtime::Error password_failed(std::string_view user) {
  return {.kind = &kInvalidPassword,
          .what = format("password authentication failed for user \"{}\"", user)};
}

Exchange::Exchange(const Options& options, const Mock& mock, RandomSource& random)
    : user_(options.user), stand_in_(mock.verifier(options.user)) {
  const Verifier* verifier = find_verifier(options);
  const bool has_md5 = verifier != nullptr && std::holds_alternative<Md5Verifier>(*verifier);
  if (options.method == ExchangeMethod::kPassword) {
    request_ = Request::kPassword;
    if (verifier != nullptr) verifier_ = *verifier;
  } else if (options.method == ExchangeMethod::kMd5 && has_md5) {
    request_ = Request::kMd5;
    verifier_ = *verifier;
    random.fill(md5_salt_);
  } else {
    request_ = Request::kSasl;
    prepare_scram(verifier, options.end_point, random);
  }
}

// crypt.c, get_role_password.
const Verifier* Exchange::find_verifier(const Options& options) {
  const Role* role = options.role;
  if (role == nullptr) {
    fault_ = Fault::kNoRole;
    return nullptr;
  }
  CHECK(role->name == user_);
  if (std::holds_alternative<NoPassword>(role->verifier)) {
    fault_ = Fault::kNoPassword;
    return nullptr;
  }
  if (role->valid_until.has_value() && *role->valid_until < options.now) {
    fault_ = Fault::kExpired;
    return nullptr;
  }
  if (std::holds_alternative<UnknownVerifier>(role->verifier)) fault_ = Fault::kUnknownVerifier;
  return &role->verifier;
}

// The same steps for every client: what differs is which verifier is copied.
void Exchange::prepare_scram(const Verifier* verifier, std::optional<std::string> end_point,
                             RandomSource& random) {
  const auto* scram = verifier != nullptr ? std::get_if<ScramVerifier>(verifier) : nullptr;
  if (verifier != nullptr && scram == nullptr) fault_ = Fault::kNoScramVerifier;
  scram_.emplace(ScramServer::Options{.verifier = scram != nullptr ? *scram : stand_in_,
                                      .doomed = scram == nullptr,
                                      .end_point = std::move(end_point),
                                      .nonce = ScramServer::make_nonce(random)});
}

Exchange::Next Exchange::begin(wire::MessageWriter& out) {
  CHECK(!next_.has_value());
  switch (request_) {
    case Request::kPassword:
      out.authentication_cleartext_password();
      break;
    case Request::kMd5:
      out.authentication_md5_password(md5_salt_);
      break;
    case Request::kSasl:
      out.authentication_sasl(scram_->mechanisms());
      break;
  }
  next_ = Next::kMore;
  return *next_;
}

std::uint32_t Exchange::message_bytes_max() const {
  return request_ == Request::kSasl ? kSaslMessageBytesMax : kPasswordMessageBytesMax;
}

Exchange::Next Exchange::take(const wire::CutResult& cut, wire::MessageWriter& out) {
  CHECK(next_ == Next::kMore && cut.cut != wire::Cut::kIncomplete);
  if (cut.cut != wire::Cut::kMessage) {
    next_ = refuse_cut(cut);
  } else {
    next_ = request_ == Request::kSasl ? take_sasl(cut.message.body, out)
                                       : take_password(cut.message.body);
  }
  return *next_;
}

// A message that is too long ends an exchange of SASL as a wrong password does, and is not answered
// at all where a password is wanted.
Exchange::Next Exchange::refuse_cut(const wire::CutResult& cut) {
  const bool sasl = request_ == Request::kSasl;
  if (cut.cut == wire::Cut::kBadType) {
    return refuse(
        {.kind = &wire::kProtocolViolation,
         .what = format("expected {} response, got message type {}", sasl ? "SASL" : "password",
                        static_cast<unsigned char>(cut.message.type))});
  }
  const Next next = fail("invalid message length");
  refusal_.silent = !sasl;
  return next;
}

// The first message has the mechanism in front (SASLInitialResponse), and may end behind that.
runtime::Result<std::optional<std::string_view>> Exchange::read_sasl(
    std::span<const std::byte> body) {
  if (mechanism_selected_) return std::optional(as_text(body));
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  wire::ByteReader reader(body);
  const std::string_view mechanism = TRY(reader.string());
  TRY(scram_->select(mechanism));
  mechanism_selected_ = true;
  const auto size = TRY(reader.integer<std::uint32_t>());
  std::optional<std::string_view> message;
  if (size != kNone) message = as_text(TRY(reader.bytes(size)));
  TRY(reader.expect_end());
  return message;
}

Exchange::Next Exchange::take_sasl(std::span<const std::byte> body, wire::MessageWriter& out) {
  const auto message = read_sasl(body);
  if (!message) return refuse(message.error());
  const auto step = scram_->take(*message);
  if (!step) return refuse(step.error());
  switch (step->next) {
    case ScramServer::Next::kContinue:
      out.authentication_sasl_continue(step->reply);
      return Next::kMore;
    case ScramServer::Next::kIn:
      out.authentication_sasl_final(step->reply);
      return Next::kIn;
    case ScramServer::Next::kFailed:
      return fail(fault_text());
  }
  UNREACHABLE();
}

Exchange::Next Exchange::take_password(std::span<const std::byte> body) {
  const auto password = read_password(body);
  if (!password) return refuse(password.error());
  if (request_ == Request::kPassword) {
    check_ = PasswordCheck(Secret(*password), user_, std::move(verifier_), stand_in_);
    return Next::kCheck;
  }
  const auto* md5 = std::get_if<Md5Verifier>(&verifier_);
  CHECK(md5 != nullptr);
  return answers_md5_challenge(*md5, as_text(md5_salt_), *password) ? Next::kIn
                                                                    : fail(fault_text());
}

PasswordCheck Exchange::take_check() {
  CHECK(next_ == Next::kCheck);
  return std::move(check_);
}

Exchange::Next Exchange::checked(bool right) {
  CHECK(next_ == Next::kCheck);
  // Without a verifier nothing is right.
  CHECK(!right || fault_ == Fault::kWrong);
  next_ = right ? Next::kIn : fail(fault_text());
  return *next_;
}

Refusal Exchange::take_refusal() {
  CHECK(next_ == Next::kRefused);
  return std::move(refusal_);
}

Exchange::Next Exchange::fail(std::string log_detail) {
  refusal_ = {
      .error = password_failed(user_), .log_detail = std::move(log_detail), .wrong_proof = true};
  return Next::kRefused;
}

Exchange::Next Exchange::refuse(runtime::Error error) {
  refusal_ = {.error = std::move(error), .log_detail = {}};
  return Next::kRefused;
}

// auth.c and crypt.c. Of a wrong proof PostgreSQL logs no more than the rule; here it is made a
// text too, so that a known and an unknown name take the same time.
std::string Exchange::fault_text() const {
  switch (fault_) {
    case Fault::kWrong:
      return format("Password does not match for user \"{}\".", user_);
    case Fault::kNoRole:
      return format("Role \"{}\" does not exist.", user_);
    case Fault::kNoPassword:
      return format("User \"{}\" has no password assigned.", user_);
    case Fault::kExpired:
      return format("User \"{}\" has an expired password.", user_);
    case Fault::kUnknownVerifier:
      return format("Password of user \"{}\" is in unrecognized format.", user_);
    case Fault::kNoScramVerifier:
      return format("User \"{}\" does not have a valid SCRAM secret.", user_);
  }
  UNREACHABLE();
}

}  // namespace server::auth
