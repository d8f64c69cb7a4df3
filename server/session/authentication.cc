#include "server/session/authentication.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/users.h"
#include "server/auth/random_source.h"
#include "server/wire/errors.h"

namespace server::session {

using auth::AuthMethod;
using auth::ClientCert;
using auth::ExchangeMethod;
using runtime::format;

namespace {

// auth.c, auth_failed.
runtime::Error certificate_failed(AuthMethod method, std::string_view user) {
  switch (method) {
    case AuthMethod::kCert:
      return {.kind = &wire::kInvalidAuthorization,
              .what = format("certificate authentication failed for user \"{}\"", user)};
    case AuthMethod::kTrust:
      return {.kind = &wire::kInvalidAuthorization,
              .what = format("\"trust\" authentication failed for user \"{}\"", user)};
    default:
      return auth::password_failed(user);
  }
}

}  // namespace

PeerAnswer answer(const PeerQuestion& question) {
  PeerAnswer given;
  switch (question.kind) {
    case PeerQuestion::Kind::kHostName:
      given.host_name = auth::look_up_peer_name(question.address);
      break;
    case PeerQuestion::Kind::kSystemUser:
      given.system_user = runtime::user_name(question.uid);
      break;
  }
  return given;
}

Authentication::Authentication(std::shared_ptr<const auth::AccessPolicy> policy, Claim claim,
                               runtime::WallMicros now)
    : policy_(std::move(policy)), claim_(std::move(claim)), now_(now) {}

Authentication::Next Authentication::begin(wire::MessageWriter& out) {
  return policy_->has_rules() ? find_rule(out) : Next::kIn;
}

auth::HbaConnection Authentication::connection() const {
  const auto transport = claim_.tls != nullptr ? auth::Transport::kTls : auth::Transport::kTcp;
  return {.transport = claim_.peer.is_unix() ? auth::Transport::kUnix : transport,
          .peer = auth::ip_address_of(claim_.peer),
          .user = claim_.user,
          .database = claim_.database,
          .is_physical_replication = claim_.is_physical_replication};
}

const auth::Role* Authentication::role() const {
  const auth::Role* const of_file = policy_->find_role_of_file(claim_.user);
  return of_file == nullptr && role_.has_value() ? role_->role.get() : of_file;
}

bool Authentication::knows_role() const {
  return policy_->role_cache() == nullptr || role_.has_value() ||
         policy_->find_role_of_file(claim_.user) != nullptr;
}

bool Authentication::may_ask_again() const {
  return role_.has_value() && wish_ == auth::RoleWish::kCached;
}

Authentication::Next Authentication::learn_role(Purpose purpose, auth::RoleWish wish,
                                                wire::MessageWriter& out) {
  purpose_ = purpose;
  wish_ = wish;
  auto known = policy_->role_cache()->find(claim_.user, wish);
  return known ? on_role(*std::move(known), out) : Next::kAskRole;
}

RoleQuestion Authentication::role_question() const {
  return {.cache = policy_->role_cache(), .name = claim_.user, .wish = wish_};
}

Authentication::Next Authentication::on_role(auth::RoleAnswer given, wire::MessageWriter& out) {
  role_ = std::move(given);
  switch (purpose_) {
    case Purpose::kRule:
      return find_rule(out);
    case Purpose::kMethod:
      return begin_method(out);
    case Purpose::kRefusal:
      return Next::kRefused;
    case Purpose::kMap:
      return rule_->method == AuthMethod::kPeer ? check_system_user(system_user_, out)
                                                : finish(out);
    case Purpose::kEntry:
      return Next::kIn;
  }
  UNREACHABLE();
}

Authentication::Next Authentication::end_without_answer(wire::MessageWriter& out) {
  return role_.has_value() ? on_role(*role_, out) : Next::kAskRole;
}

auth::IsMember Authentication::membership() {
  asks_groups_ = false;
  return [this](std::string_view group) {
    asks_groups_ = true;
    return auth::membership_of(role())(group);
  };
}

// The primary is asked for a role only if a rule depends on it.
Authentication::Next Authentication::find_rule(wire::MessageWriter& out) {
  const auth::PeerName* const peer_name = peer_name_.has_value() ? &*peer_name_ : nullptr;
  const auth::HbaMatch match = policy_->match(connection(), peer_name, membership());
  if (asks_groups_ && !knows_role()) {
    return learn_role(Purpose::kRule, auth::RoleWish::kCached, out);
  }
  switch (match.kind) {
    case auth::HbaMatch::Kind::kNeedsPeerName:
      CHECK(peer_name == nullptr);
      return Next::kLookUp;
    case auth::HbaMatch::Kind::kNoRule:
      if (asks_groups_ && may_ask_again()) {
        return learn_role(Purpose::kRule, auth::RoleWish::kAgain, out);
      }
      return refuse(auth::no_rule_error(connection()),
                    policy_->no_rule_detail(connection(), peer_name));
    case auth::HbaMatch::Kind::kRule:
      if (match.rule->method == AuthMethod::kReject && asks_groups_ && may_ask_again()) {
        return learn_role(Purpose::kRule, auth::RoleWish::kAgain, out);
      }
      rule_ = match.rule;
      return begin_method(out);
  }
  UNREACHABLE();
}

Authentication::Next Authentication::begin_method(wire::MessageWriter& out) {
  if (auto given = require_certificate(); !given) return refuse(std::move(given).error());
  if (rule_->method != AuthMethod::kReject && !knows_role()) {
    return learn_role(Purpose::kMethod, auth::RoleWish::kCached, out);
  }
  switch (rule_->method) {
    case AuthMethod::kTrust:
    case AuthMethod::kCert:
      return finish(out);
    case AuthMethod::kReject:
      return refuse(auth::reject_error(connection()));
    case AuthMethod::kPeer:
      return Next::kLookUp;
    case AuthMethod::kScramSha256:
      return begin_exchange(ExchangeMethod::kScram, out);
    case AuthMethod::kMd5:
      return begin_exchange(ExchangeMethod::kMd5, out);
    case AuthMethod::kPassword:
      return begin_exchange(ExchangeMethod::kPassword, out);
  }
  UNREACHABLE();
}

// auth.c, ClientAuthentication. A certificate that the authorities do not vouch for has ended the
// handshake.
runtime::Result<void> Authentication::require_certificate() const {
  if (rule_->options.client_cert == ClientCert::kOff) return {};
  if (!policy_->ssl().has_authorities) {
    return runtime::Error{
        .kind = &auth::kConfigFileError,
        .what = "client certificates can only be checked if a root certificate store is available"};
  }
  CHECK(claim_.tls != nullptr);  // such rules are of type hostssl
  if (claim_.tls->client.has_value()) return {};
  return runtime::Error{.kind = &wire::kInvalidAuthorization,
                        .what = "connection requires a valid client certificate"};
}

Authentication::Next Authentication::finish(wire::MessageWriter& out) {
  const bool names_client = rule_->options.client_cert == ClientCert::kVerifyFull;
  if (names_client && check_certificate() == Next::kRefused) return refuse_by_map(out);
  return enter(out);
}

Authentication::Next Authentication::refuse_by_map(wire::MessageWriter& out) {
  if (!asks_groups_ || !may_ask_again()) return Next::kRefused;
  refusal_.reset();
  return learn_role(Purpose::kMap, auth::RoleWish::kAgain, out);
}

// auth.c, CheckCertAuth.
Authentication::Next Authentication::check_certificate() {
  const auth::ClientCertificate& given = *claim_.tls->client;
  const bool by_dn = rule_->options.client_name == auth::ClientName::kDistinguishedName;
  const std::string name = by_dn ? given.distinguished_name : given.common_name.value_or("");
  const auth::IsMember is_member = membership();
  if (name.empty()) {
    return refuse(certificate_failed(rule_->method, claim_.user),
                  format("certificate authentication failed for user \"{}\": client certificate "
                         "contains no user name",
                         claim_.user));
  }
  const auto mapped = policy_->check_map(*rule_, claim_.user, name, is_member);
  if (mapped) return Next::kIn;
  std::string detail = mapped.error().what;
  if (rule_->method != AuthMethod::kCert) {
    detail += format(
        ": certificate validation (clientcert=verify-full) failed for user \"{}\": {} mismatch",
        claim_.user, by_dn ? "DN" : "CN");
  }
  return refuse(certificate_failed(rule_->method, claim_.user), std::move(detail));
}

Authentication::Next Authentication::begin_exchange(ExchangeMethod method,
                                                    wire::MessageWriter& out) {
  auth::SystemRandom random;
  exchange_.emplace(auth::Exchange::Options{.method = method,
                                            .user = claim_.user,
                                            .role = role(),
                                            .end_point = end_point(),
                                            .now = now_},
                    policy_->mock(), random);
  return next_of(exchange_->begin(out), out);
}

// With no hash of the server's certificate, as of one signed without a digest, no exchange can be
// bound to the channel.
std::optional<std::string> Authentication::end_point() const {
  if (claim_.tls == nullptr || claim_.tls->end_point.empty()) return std::nullopt;
  return claim_.tls->end_point;
}

PeerQuestion Authentication::question() const {
  return {
      .kind = rule_ == nullptr ? PeerQuestion::Kind::kHostName : PeerQuestion::Kind::kSystemUser,
      .address = claim_.peer,
      .uid = claim_.peer_uid};
}

Authentication::Next Authentication::on_answer(PeerAnswer given, wire::MessageWriter& out) {
  if (rule_ != nullptr) return check_system_user(given.system_user, out);
  peer_name_ = std::move(given.host_name);
  return find_rule(out);
}

// auth.c, auth_peer.
Authentication::Next Authentication::check_system_user(
    const runtime::Result<std::string>& system_user, wire::MessageWriter& out) {
  runtime::Error failure{.kind = &wire::kInvalidAuthorization,
                         .what = format("Peer authentication failed for user \"{}\"", claim_.user)};
  if (!system_user) return refuse(std::move(failure), system_user.error().what);
  system_user_ = *system_user;
  const auto mapped = policy_->check_map(*rule_, claim_.user, system_user_, membership());
  if (mapped) return enter(out);
  refuse(std::move(failure), mapped.error().what);
  return refuse_by_map(out);
}

Authentication::Next Authentication::take(const wire::CutResult& cut, wire::MessageWriter& out) {
  return next_of(exchange_->take(cut, out), out);
}

Authentication::Next Authentication::on_checked(bool right, wire::MessageWriter& out) {
  return next_of(exchange_->checked(right), out);
}

Authentication::Next Authentication::next_of(auth::Exchange::Next next, wire::MessageWriter& out) {
  switch (next) {
    case auth::Exchange::Next::kMore:
      return Next::kMore;
    case auth::Exchange::Next::kCheck:
      return Next::kCheck;
    case auth::Exchange::Next::kIn:
      return finish(out);
    case auth::Exchange::Next::kRefused:
      return refuse_client(out);
  }
  UNREACHABLE();
}

// A password that was changed on the primary is another verifier, of which the client would have to
// be asked anew: its next attempt meets it.
Authentication::Next Authentication::refuse_client(wire::MessageWriter& out) {
  return may_ask_again() ? learn_role(Purpose::kRefusal, auth::RoleWish::kAgain, out)
                         : Next::kRefused;
}

// Whether the role may come in is the login's to say; what it says no to is looked at again.
Authentication::Next Authentication::enter(wire::MessageWriter& out) {
  const auth::Role* const known = role();
  const bool is_enough = known != nullptr && known->can_login &&
                         (!claim_.wants_walsender || auth::may_replicate(*known));
  return !is_enough && may_ask_again() ? learn_role(Purpose::kEntry, auth::RoleWish::kAgain, out)
                                       : Next::kIn;
}

Authentication::Next Authentication::refuse(runtime::Error error, std::string log_detail) {
  refusal_ = auth::Refusal{.error = std::move(error), .log_detail = std::move(log_detail)};
  return Next::kRefused;
}

// The rule's line as PostgreSQL 16 and later name it.
auth::Refusal Authentication::take_refusal() {
  auth::Refusal refusal =
      refusal_.has_value() ? *std::exchange(refusal_, std::nullopt) : exchange_->take_refusal();
  const std::string circumstances = describe_circumstances();
  if (!refusal.log_detail.empty() && !circumstances.empty()) refusal.log_detail += ' ';
  refusal.log_detail += circumstances;
  return refusal;
}

std::string Authentication::describe_circumstances() const {
  std::string text(role_.has_value() ? role_->doubt : "");
  if (rule_ == nullptr) return text;
  if (!text.empty()) text += ' ';
  return text + format("{}: \"{}\"", place_of_rule(), rule_->text);
}

std::string Authentication::place_of_rule() const {
  return format("Connection matched file \"{}\" line {}", rule_->file, rule_->line);
}

// By a rule that means the console, or as a role that may see what PostgreSQL's statistics show of
// others, or that may read all WAL anyway.
bool Authentication::may_use_console() const {
  const auth::Role* const known = role();
  const auth::IsMember is_member = auth::membership_of(known);
  return std::ranges::any_of(rule_->databases,
                             [](const auto& token) {
                               return token.regex() == nullptr && token.matches("walcast");
                             }) ||
         (known != nullptr && auth::may_replicate(*known)) || is_member("pg_monitor") ||
         is_member("pg_read_all_stats");
}

auth::Grants Authentication::grants(std::string_view application_name) const {
  if (!policy_->has_rules()) return {};
  const auth::Role* const known = role();
  const bool is_admin = known != nullptr && known->superuser;
  return {.has_proven = true,
          .is_admin = is_admin,
          .console = may_use_console(),
          .bears_name = is_admin || policy_->may_bear(claim_.user, application_name,
                                                      auth::membership_of(known)),
          .rule = place_of_rule()};
}

}  // namespace server::session
