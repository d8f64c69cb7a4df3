#include "server/session/startup.h"

#include <utility>

#include "runtime/format.h"
#include "server/session/startup_options.h"
#include "server/wire/errors.h"

namespace server::session {

namespace {

using wire::Severity;
}  // namespace

Startup::Next Startup::on_packet(std::span<const std::byte> body, bool more_bytes_follow,
                                 wire::MessageWriter& out) {
  auto packet = wire::parse_startup_packet(body, ssl_answered_, gss_answered_, newest_);
  if (!packet) {
    // A client that asked for protocol 1 or 2 would not understand a newer error. Of 0,
    // PostgreSQL believes that nothing has been asked for yet.
    const auto version = wire::load_big_endian<std::uint32_t>(body.data());
    if (version != 0 && version >> 16 < 3) {
      out.old_style_fatal(packet.error().what);
    } else {
      out.error_response(Severity::kFatal, packet.error());
    }
    return Next::kRefused;
  }
  if (const auto* request = std::get_if<wire::EncryptionRequest>(&*packet)) {
    return decline(request->kind, more_bytes_follow, out);
  }
  if (const auto* request = std::get_if<wire::CancelRequest>(&*packet)) {
    cancel_request_ = *request;
    return Next::kCancel;
  }
  return check(std::get<wire::StartupMessage>(std::move(*packet)), out);
}

// What a client sent before it read the answer cannot be trusted to be its own (CVE-2021-23214).
Startup::Next Startup::decline(wire::EncryptionRequest::Kind kind, bool more_bytes_follow,
                               wire::MessageWriter& out) {
  const bool ssl = kind == wire::EncryptionRequest::Kind::kSsl;
  (ssl ? ssl_answered_ : gss_answered_) = true;
  out.raw('N');
  if (!more_bytes_follow) return Next::kMorePackets;
  const std::string_view name = ssl ? "SSL" : "GSSAPI encryption";
  out.error_response(
      Severity::kFatal,
      {.kind = &wire::kProtocolViolation,
       .what = runtime::format("received unencrypted data after {} request", name),
       .detail = "This could be either a client-software bug or evidence of an attempted "
                 "man-in-the-middle attack."});
  return Next::kRefused;
}

Startup::Next Startup::check(wire::StartupMessage message, wire::MessageWriter& out) {
  message_ = std::move(message);
  if (message_.version > newest_ || !message_.protocol_options.empty()) {
    out.negotiate_protocol_version(protocol_version(), message_.protocol_options);
  }
  auto mode = wire::ReplicationMode::kNone;
  std::string_view user;
  for (const auto& [name, value] : message_.parameters) {
    if (name == "user") user = value;
    if (name != "replication") continue;
    auto parsed = wire::parse_replication_mode(value);
    if (!parsed) {
      out.error_response(Severity::kFatal, parsed.error());
      return Next::kRefused;
    }
    mode = *parsed;
  }
  if (user.empty()) {
    out.error_response(Severity::kFatal,
                       {.kind = &wire::kInvalidAuthorization,
                        .what = "no PostgreSQL user name specified in startup packet"});
    return Next::kRefused;
  }
  if (mode != wire::ReplicationMode::kPhysical) {
    out.error_response(Severity::kFatal,
                       {.kind = &wire::kFeatureNotSupported,
                        .what = "this server takes physical replication connections only",
                        .hint = "walcast has no databases. Connect with \"replication=true\"."});
    return Next::kRefused;
  }
  return Next::kConnect;
}

runtime::Result<Client> Startup::take_parameters(const settings::Settings& settings,
                                                 wire::MessageWriter& out) {
  settings::Notices notices;
  auto client = read_parameters(settings, notices);
  for (const runtime::Error& notice : notices) out.notice_response(Severity::kNotice, notice);
  return client;
}

// The options come first, whatever the order in the packet (process_startup_options).
runtime::Result<Client> Startup::read_parameters(const settings::Settings& settings,
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

void Startup::greet(const settings::Settings& settings, std::span<const std::string_view> reported,
                    const Client& client, std::uint32_t process_id,
                    std::span<const std::byte> cancel_key, wire::MessageWriter& out) const {
  for (const std::string_view name : reported) {
    const auto own = client.settings.find(name);
    out.parameter_status(name, own.has_value() ? *own : settings.find(name)->value);
  }
  out.backend_key_data(process_id, cancel_key);
  out.ready_for_query();
}

}  // namespace server::session
