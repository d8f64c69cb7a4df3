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
  CHECK(outcome_ == Next::kMore);
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
    return decline(request->kind, more_bytes_follow, out);
  }
  if (const auto* request = std::get_if<wire::CancelRequest>(&*packet)) {
    cancel_request_ = *request;
    return Next::kCancelled;
  }
  message_ = std::get<wire::StartupMessage>(std::move(*packet));
  const Next next = identify(server, out);
  // Every client is believed to have the name that it gives.
  return next == Next::kIn ? let_in(server, out) : next;
}

// Bytes that a client sent before it read the answer cannot be trusted to be its own
// (CVE-2021-23214).
Login::Next Login::decline(wire::EncryptionRequest::Kind kind, bool more_bytes_follow,
                           wire::MessageWriter& out) {
  const bool ssl = kind == wire::EncryptionRequest::Kind::kSsl;
  (ssl ? ssl_answered_ : gss_answered_) = true;
  out.raw('N');
  if (!more_bytes_follow) return Next::kMore;
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

// A client that asks for replication of either kind takes a walsender before it is authenticated
// (proc.c, InitProcess); what it wants of a database is looked at behind that, and its settings
// last (postinit.c, InitPostgres). What is cut of its parameters is noticed, also where an error
// follows.
Login::Next Login::let_in(const Server& server, wire::MessageWriter& out) {
  const bool wants_walsender = mode_ != wire::ReplicationMode::kNone;
  SenderSeat seat;
  if (wants_walsender) seat = SenderSeat::take(server.wal_senders, server.max_wal_senders);
  if (wants_walsender && !seat.taken()) {
    return refuse({.kind = &wire::kTooManyConnections,
                   .what = runtime::format("number of requested standby connections exceeds "
                                           "max_wal_senders (currently {})",
                                           server.max_wal_senders)},
                  out);
  }
  out.authentication_ok();
  if (mode_ != wire::ReplicationMode::kPhysical) {
    return refuse({.kind = &wire::kFeatureNotSupported,
                   .what = "this server takes physical replication connections only",
                   .hint = "walcast has no databases. Connect with \"replication=true\"."},
                  out);
  }
  settings::Notices notices;
  auto client = read_parameters(server.settings, notices);
  for (const runtime::Error& notice : notices) out.notice_response(Severity::kNotice, notice);
  if (!client) return refuse(client.error(), out);
  const std::uint32_t version = std::min(message_.version, server.newest_protocol);
  entry_ = {.client = *std::move(client),
            .seat = std::move(seat),
            .key = CancelKey::random(version >= wire::kProtocolVersion32 ? CancelKey::kLongBytes
                                                                         : CancelKey::kShortBytes)};
  greet(server, out);
  return Next::kIn;
}

Login::Entry Login::take_entry() {
  CHECK(outcome_ == Next::kIn && entry_.seat.taken());
  return std::move(entry_);
}

// The options come first, whatever the order in the packet (process_startup_options).
runtime::Result<Client> Login::read_parameters(const settings::Settings& settings,
                                               settings::Notices& notices) const {
  Client client;
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
      // It is cut without a word, unlike a setting.
      client.user = value.substr(0, settings::kIdentifierBytesMax);
      TRY(client.settings.set(settings, "session_authorization", client.user, notices));
    } else if (name != "options" && name != "database" && name != "replication") {
      TRY(client.settings.set(settings, name, value, notices));
    }
  }
  return client;
}

void Login::greet(const Server& server, wire::MessageWriter& out) const {
  for (const std::string_view name : server.reported_settings) {
    const auto own = entry_.client.settings.find(name);
    out.parameter_status(name, own.has_value() ? *own : server.settings.find(name)->value);
  }
  out.backend_key_data(process_id_, entry_.key.bytes());
  out.ready_for_query();
}

}  // namespace server::session
