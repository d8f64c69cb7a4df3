#include "server/session/login.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/session/startup_options.h"
#include "server/wire/errors.h"

namespace server::session {

using wire::Severity;

namespace {

Login::Next refuse(const runtime::Error& error, wire::MessageWriter& out) {
  out.error_response(Severity::kFatal, error);
  return Login::Next::kRefused;
}

// What hba rules call a normal connection's database.
constexpr std::string_view kConsoleDatabase = "walcast";
// What a console's answers are in: names that clients choose, and ASCII.
constexpr std::string_view kConsoleEncoding = "UTF8";

// A client that asked for protocol 1 or 2 would not understand a newer error. Of 0, PostgreSQL
// believes that no version has been asked for yet.
Login::Next refuse_packet(std::span<const std::byte> packet, const runtime::Error& error,
                          wire::MessageWriter& out) {
  const auto version = wire::load_big_endian<std::uint32_t>(packet.data());
  if (version == 0 || version >> 16 >= 3) return refuse(error, out);
  out.old_style_fatal(error.what);
  return Login::Next::kRefused;
}

}  // namespace

Login::Next Login::take(std::span<const std::byte> body, bool more_bytes_follow,
                        const Server& server, wire::MessageWriter& out) {
  CHECK(outcome_ == Next::kMore && !authenticates());
  packet_.assign(body.begin(), body.end());
  outcome_ = take_packet(more_bytes_follow, server, out);
  return outcome_;
}

Login::Next Login::take_packet(bool more_bytes_follow, const Server& server,
                               wire::MessageWriter& out) {
  auto packet =
      wire::parse_startup_packet(packet_, ssl_answered_, gss_answered_, server.newest_protocol);
  if (!packet) return refuse_packet(packet_, packet.error(), out);
  if (const auto* request = std::get_if<wire::EncryptionRequest>(&*packet)) {
    return answer_request(request->kind, server.offers_tls, more_bytes_follow, out);
  }
  if (const auto* request = std::get_if<wire::CancelRequest>(&*packet)) {
    cancel_request_ = *request;
    return Next::kCancelled;
  }
  message_ = std::get<wire::StartupMessage>(std::move(*packet));
  const Next next = identify(server, out);
  return next == Next::kIn ? authenticate(server, out) : next;
}

// The client's name is cut without a word, unlike a setting; its database is called like it if it
// names none (ProcessStartupPacket). A walsender of the whole cluster has no database.
Login::Next Login::authenticate(const Server& server, wire::MessageWriter& out) {
  Authentication::Claim claim{.is_physical_replication = mode_ == wire::ReplicationMode::kPhysical,
                              .wants_walsender = mode_ != wire::ReplicationMode::kNone,
                              .peer = peer_.address,
                              .peer_uid = peer_.uid,
                              .tls = peer_.tls};
  for (const auto& [name, value] : message_.parameters) {
    if (name == "user") claim.user = value.substr(0, settings::kIdentifierBytesMax);
    if (name == "database") claim.database = value.substr(0, settings::kIdentifierBytesMax);
  }
  if (claim.database.empty()) claim.database = claim.user;
  if (wants_console(server)) claim.database = kConsoleDatabase;
  authentication_.emplace(server.policy, std::move(claim), server.now);
  return go_on(authentication_->begin(out), server, out);
}

Login::Next Login::take_answer(const wire::CutResult& cut, const Server& server,
                               wire::MessageWriter& out) {
  CHECK(outcome_ == Next::kMore && authenticates());
  return outcome_ = go_on(authentication_->take(cut, out), server, out);
}

Login::Next Login::on_answer(PeerAnswer given, const Server& server, wire::MessageWriter& out) {
  CHECK(outcome_ == Next::kLookUp);
  return outcome_ = go_on(authentication_->on_answer(std::move(given), out), server, out);
}

Login::Next Login::on_role(auth::RoleAnswer given, const Server& server, wire::MessageWriter& out) {
  CHECK(outcome_ == Next::kAskRole);
  return outcome_ = go_on(authentication_->on_role(std::move(given), out), server, out);
}

Login::Next Login::on_checked(bool right, const Server& server, wire::MessageWriter& out) {
  CHECK(outcome_ == Next::kCheck);
  return outcome_ = go_on(authentication_->on_checked(right, out), server, out);
}

bool Login::end_without_client(const Server& server, wire::MessageWriter& unread) {
  if (outcome_ == Next::kAskRole) {
    outcome_ = go_on(authentication_->end_without_answer(unread), server, unread);
  }
  return outcome_ == Next::kRefused;
}

Login::Next Login::go_on(Authentication::Next next, const Server& server,
                         wire::MessageWriter& out) {
  switch (next) {
    case Authentication::Next::kMore:
      return Next::kMore;
    case Authentication::Next::kLookUp:
      return Next::kLookUp;
    case Authentication::Next::kAskRole:
      return Next::kAskRole;
    case Authentication::Next::kCheck:
      return Next::kCheck;
    case Authentication::Next::kIn:
      return let_in(server, out);
    case Authentication::Next::kRefused:
      return refuse_stranger(out);
  }
  UNREACHABLE();
}

Login::Next Login::refuse_stranger(wire::MessageWriter& out) {
  const auth::Refusal refusal = authentication_->take_refusal();
  failed_proof_ = refusal.wrong_proof;
  log_line_ = refusal.error.what;
  if (!refusal.log_detail.empty()) log_line_ += runtime::format(": {}", refusal.log_detail);
  if (!refusal.silent) out.error_response(Severity::kFatal, refusal.error);
  return Next::kRefused;
}

// Where roles are known, the client's is one of them, which is not in too often, and may do what
// the client asks for (miscinit.c, InitializeSessionUserId; postinit.c, InitPostgres).
runtime::Result<void> Login::check_role(const Server& server) const {
  if (authentication_->policy().has_roles()) {
    const std::string& user = authentication_->claim().user;
    const auth::Role* const role = authentication_->role();
    if (role == nullptr) {
      return runtime::Error{.kind = &wire::kInvalidAuthorization,
                            .what = runtime::format("role \"{}\" does not exist", user)};
    }
    if (!role->can_login) {
      return runtime::Error{
          .kind = &wire::kInvalidAuthorization,
          .what = runtime::format("role \"{}\" is not permitted to log in", user)};
    }
  }
  TRY(take_place(server));
  return check_replication(server);
}

// A superuser's own limit does not count.
runtime::Result<void> Login::take_place(const Server& server) const {
  if (server.place == nullptr) return {};
  const std::string& user = authentication_->claim().user;
  const auth::Role* const role = authentication_->role();
  const bool is_limited = role != nullptr && !role->superuser;
  return server.place->log_in(user, is_limited ? role->connection_limit : -1);
}

runtime::Result<void> Login::check_replication(const Server& server) const {
  if (!authentication_->policy().has_roles() || mode_ == wire::ReplicationMode::kNone) return {};
  const auth::Role* const role = authentication_->role();
  if (role != nullptr && auth::may_replicate(*role)) return {};
  if (server.major_version < 16) {
    return runtime::Error{.kind = &runtime::kNoPermission,
                          .what = "must be superuser or replication role to start walsender"};
  }
  return runtime::Error{.kind = &runtime::kNoPermission,
                        .what = "permission denied to start WAL sender",
                        .detail =
                            "Only roles with the REPLICATION attribute may start a WAL "
                            "sender process."};
}

// Bytes that a client sent before it read the answer cannot be trusted to be its own
// (CVE-2021-23214). A client that is to encrypt learns of that behind its handshake. Within TLS
// neither kind of request is granted.
Login::Next Login::answer_request(wire::EncryptionRequest::Kind kind, bool offers_tls,
                                  bool more_bytes_follow, wire::MessageWriter& out) {
  const bool ssl = kind == wire::EncryptionRequest::Kind::kSsl;
  const bool grants = ssl && offers_tls && peer_.tls == nullptr;
  (ssl ? ssl_answered_ : gss_answered_) = true;
  out.raw(grants ? 'S' : 'N');
  if (grants) {
    gss_answered_ = true;
    has_unencrypted_ = more_bytes_follow;
    return Next::kTls;
  }
  return more_bytes_follow ? refuse_unencrypted(kind, out) : Next::kMore;
}

Login::Next Login::on_tls(wire::MessageWriter& out) {
  CHECK(outcome_ == Next::kTls && peer_.tls != nullptr);
  outcome_ =
      has_unencrypted_ ? refuse_unencrypted(wire::EncryptionRequest::Kind::kSsl, out) : Next::kMore;
  return outcome_;
}

Login::Next Login::refuse_unencrypted(wire::EncryptionRequest::Kind kind,
                                      wire::MessageWriter& out) {
  const bool ssl = kind == wire::EncryptionRequest::Kind::kSsl;
  return refuse({.kind = &wire::kProtocolViolation,
                 .what = runtime::format("received unencrypted data after {} request",
                                         ssl ? "SSL" : "GSSAPI encryption"),
                 .detail = "This could be either a client-software bug or evidence of an attempted "
                           "man-in-the-middle attack."},
                out);
}

// Returns kIn if the message names a client that may be let in, once its name is believed.
Login::Next Login::identify(const Server& server, wire::MessageWriter& out) {
  if (message_.version > server.newest_protocol || !message_.protocol_options.empty()) {
    out.negotiate_protocol_version(std::min(message_.version, server.newest_protocol),
                                   message_.protocol_options);
  }
  std::string_view user;
  for (const auto& [name, value] : message_.parameters) {
    if (name == "user") user = value;
    if (name != "replication") continue;
    auto parsed = wire::parse_replication_mode(value);
    if (!parsed) return refuse(parsed.error(), out);
    mode_ = *parsed;
  }
  if (user.empty()) {
    return refuse({.kind = &wire::kInvalidAuthorization,
                   .what = "no PostgreSQL user name specified in startup packet"},
                  out);
  }
  if (too_many_) {
    return refuse({.kind = &wire::kTooManyConnections, .what = "sorry, too many clients already"},
                  out);
  }
  if (server.out_of_memory) {
    return refuse({.kind = &wire::kOutOfMemory,
                   .what = "out of memory",
                   .detail = "Other clients do not read what they are sent, or send messages in "
                             "part, and all memory for that is in use."},
                  out);
  }
  return Next::kIn;
}

// A client that asks for replication of either kind takes a walsender before it is told that it is
// authenticated, and a normal one another seat (proc.c, InitProcess; PostgreSQL does so before it
// asks for a proof).
runtime::Result<SenderSeat> Login::take_seat(const Server& server) const {
  if (wants_console(server)) {
    SenderSeat seat = SenderSeat::take(*server.console_clients, server.max_console_connections);
    if (seat.taken()) return seat;
    return runtime::Error{.kind = &wire::kTooManyConnections,
                          .what = "sorry, too many clients already"};
  }
  if (mode_ == wire::ReplicationMode::kNone) return SenderSeat();
  SenderSeat seat = SenderSeat::take(server.wal_senders, server.max_wal_senders);
  if (seat.taken()) return seat;
  return runtime::Error{
      .kind = &wire::kTooManyConnections,
      .what = runtime::format("number of requested standby connections exceeds "
                              "{0}max_wal_senders{0} (currently {1})",
                              server.major_version >= 17 ? "\"" : "", server.max_wal_senders)};
}

// postinit.c, InitPostgres and CheckMyDatabase.
runtime::Result<void> Login::check_database(const Server& server) const {
  if (wants_console(server)) {
    if (authentication_->grants({}).console) return {};
    return runtime::Error{
        .kind = &runtime::kNoPermission,
        .what = runtime::format("permission denied for database \"{}\"", kConsoleDatabase),
        .detail = "User does not have CONNECT privilege."};
  }
  if (mode_ == wire::ReplicationMode::kPhysical) return {};
  return runtime::Error{.kind = &wire::kFeatureNotSupported,
                        .what = "this server takes physical replication connections only",
                        .hint = "walcast has no databases. Connect with \"replication=true\"."};
}

// What the client wants of a database is looked at behind AuthenticationOk, and its settings last.
// What is cut of its parameters is noticed, also where an error follows.
Login::Next Login::let_in(const Server& server, wire::MessageWriter& out) {
  auto seat = take_seat(server);
  if (!seat) return refuse(seat.error(), out);
  out.authentication_ok();
  if (const auto allowed = check_role(server); !allowed) {
    log_line_ = allowed.error().what;
    const std::string circumstances = authentication_->describe_circumstances();
    if (!circumstances.empty()) log_line_ += ": " + circumstances;
    return refuse(allowed.error(), out);
  }
  if (const auto allowed = check_database(server); !allowed) return refuse(allowed.error(), out);
  settings::Notices notices;
  auto client = read_parameters(server, notices);
  settings::limit_notices(notices);
  for (const runtime::Error& notice : notices) out.notice_response(Severity::kNotice, notice);
  if (!client) return refuse(client.error(), out);
  client->grants = authentication_->grants(client->application_name());
  const std::uint32_t version = std::min(message_.version, server.newest_protocol);
  entry_ = {.client = *std::move(client),
            .seat = std::move(*seat),
            .key = CancelKey::random(version >= wire::kProtocolVersion32 ? CancelKey::kLongBytes
                                                                         : CancelKey::kShortBytes),
            .is_console = wants_console(server)};
  greet(server, out);
  return Next::kIn;
}

Login::Entry Login::take_entry() {
  CHECK(outcome_ == Next::kIn && entry_.seat.taken());
  return std::move(entry_);
}

// The options come first, whatever the order in the packet (process_startup_options).
runtime::Result<Client> Login::read_parameters(const Server& server,
                                               settings::Notices& notices) const {
  const settings::Settings& settings = server.settings;
  Client client;
  if (wants_console(server)) {
    TRY(client.settings.set(settings, "client_encoding", kConsoleEncoding, notices));
    client.database = authentication_->claim().user;
  }
  for (const auto& [name, value] : message_.parameters) {
    if (name != "options") continue;
    const ParsedOptions options = parse_options(value);
    for (const Assignment& assignment : options.assignments) {
      TRY(client.settings.set(settings, assignment.name, assignment.value, notices));
    }
    TRY(options.end);
  }
  for (const auto& [name, value] : message_.parameters) {
    if (name == "user") {
      client.user = authentication_->claim().user;
      TRY(client.settings.set(settings, "session_authorization", client.user, notices));
    } else if (name == "database") {
      if (wants_console(server) && !value.empty()) client.database = value;
    } else if (name != "options" && name != "replication") {
      TRY(client.settings.set(settings, name, value, notices));
    }
  }
  return client;
}

void Login::greet(const Server& server, wire::MessageWriter& out) const {
  for (const std::string_view name : server.reported_settings) {
    const auto own = entry_.client.settings.find(name);
    const bool of_console = entry_.is_console && name == "server_encoding";
    out.parameter_status(name, of_console        ? kConsoleEncoding
                               : own.has_value() ? *own
                                                 : server.settings.find(name)->value);
  }
  out.backend_key_data(process_id_, entry_.key.bytes());
  out.ready_for_query();
}

}  // namespace server::session
