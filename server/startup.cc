#include "server/startup.h"

#include <utility>
#include <vector>

#include "runtime/format.h"
#include "server/units.h"
#include "server/wire/errors.h"

namespace server {

namespace {

using wire::Severity;
using Assignment = std::pair<std::string, std::string>;

constexpr std::size_t kNameBytesMax = 63;  // NAMEDATALEN - 1

// Splits `options` as pg_split_opts does: at blanks, where a backslash takes the next character as
// it is.
std::vector<std::string> split_options(std::string_view options) {
  std::vector<std::string> words;
  bool in_word = false;
  for (std::size_t i = 0; i < options.size(); ++i) {
    const char c = options[i];
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      in_word = false;
      continue;
    }
    if (!std::exchange(in_word, true)) words.emplace_back();
    if (c == '\\' && i + 1 < options.size()) {
      words.back() += options[++i];
    } else if (c != '\\') {
      words.back() += c;
    }
  }
  return words;
}

// "name=value", where dashes in the name stand for underscores (ParseLongOption).
runtime::Result<Assignment> parse_assignment(std::string_view word, std::string_view prefix) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) {
    return runtime::Error{.kind = &wire::kSyntaxError,
                          .what = runtime::format("{}{} requires a value", prefix, word)};
  }
  std::string name(word.substr(0, equals));
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return Assignment{std::move(name), word.substr(equals + 1)};
}

// -c name=value and --name=value, as process_postgres_switches takes them.
runtime::Result<std::vector<Assignment>> parse_options(std::string_view options) {
  const std::vector<std::string> words = split_options(options);
  std::vector<Assignment> assignments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word.starts_with("--")) {
      assignments.push_back(TRY(parse_assignment(word.substr(2), "--")));
    } else if (word == "-c" && i + 1 < words.size()) {
      assignments.push_back(TRY(parse_assignment(words[++i], "-c ")));
    } else if (word.starts_with("-c") && word.size() > 2) {
      assignments.push_back(TRY(parse_assignment(word.substr(2), "-c ")));
    } else {
      return runtime::Error{
          .kind = &wire::kSyntaxError,
          .what = runtime::format("invalid command-line argument for server process: {}", word)};
    }
  }
  return assignments;
}

runtime::Result<void> assign(std::string_view given_name, std::string value,
                             const command::Settings& settings, Client& client) {
  const command::Setting* setting = settings.find(given_name);
  if (setting == nullptr) return command::unrecognized_parameter(given_name);
  const std::string& name = setting->name;
  if (name == "wal_sender_timeout") {
    client.wal_sender_timeout = parse_duration(value);
    if (!client.wal_sender_timeout.has_value()) {
      return runtime::Error{
          .kind = &wire::kInvalidParameterValue,
          .what = runtime::format("invalid value for parameter \"{}\": \"{}\"", name, value)};
    }
  } else if (name == "application_name") {
    client.application_name = std::move(value);
  } else if (name == "client_encoding") {
    client.client_encoding = std::move(value);
  }
  return {};
}

}  // namespace

Startup::Next Startup::on_packet(std::span<const std::byte> body, bool more_bytes_follow,
                                 wire::MessageWriter& out) {
  auto packet = wire::parse_startup_packet(body, ssl_answered_, gss_answered_);
  if (!packet) {
    // A client that asked for protocol 1 or 2 would not understand a newer error.
    const bool old = wire::load_big_endian<std::uint32_t>(body.data()) >> 16 < 3;
    if (old) {
      out.old_style_fatal(packet.error().what);
    } else {
      out.error_response(Severity::kFatal, packet.error());
    }
    return Next::kRefused;
  }
  if (const auto* request = std::get_if<wire::EncryptionRequest>(&*packet)) {
    return decline(request->kind, more_bytes_follow, out);
  }
  if (std::holds_alternative<wire::CancelRequest>(*packet)) return Next::kClose;
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
  if (message_.version > wire::kProtocolVersion || !message_.protocol_options.empty()) {
    out.negotiate_protocol_version(wire::kProtocolVersion, message_.protocol_options);
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

runtime::Result<Client> Startup::take_parameters(const command::Settings& settings) {
  Client client;
  for (const auto& [name, value] : message_.parameters) {
    if (name == "user") {
      client.user = value.substr(0, kNameBytesMax);
    } else if (name == "options") {
      const auto assignments = TRY(parse_options(value));
      for (const auto& [option, set_to] : assignments) {
        TRY(assign(option, set_to, settings, client));
      }
    } else if (name != "database" && name != "replication") {
      TRY(assign(name, std::string(value), settings, client));
    }
  }
  return client;
}

void Startup::greet(const command::Settings& settings, std::span<const std::string_view> reported,
                    const Client& client, std::uint32_t process_id, std::uint32_t cancel_key,
                    wire::MessageWriter& out) const {
  for (const std::string_view name : reported) {
    std::string_view value = settings.find(name)->value;
    if (name == "application_name" && client.application_name) value = *client.application_name;
    if (name == "client_encoding" && client.client_encoding) value = *client.client_encoding;
    if (name == "session_authorization") value = client.user;
    out.parameter_status(name, value);
  }
  out.backend_key_data(process_id, cancel_key);
  out.ready_for_query();
}

}  // namespace server
