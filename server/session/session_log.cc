#include "server/session/session_log.h"

#include <utility>

#include "runtime/format.h"

namespace server::session {

using runtime::format;

namespace {

// "host=192.0.2.1 port=5432", and "host=[local]" of a Unix socket.
std::string place_of(const runtime::log::Client& client) {
  const std::string_view port = client.port();
  return format("host={}{}{}", client.host(), port.empty() ? "" : " port=", port);
}

void write(const runtime::log::Client& client, std::string_view text) {
  runtime::log::write(runtime::log::Level::kLog, text, client, runtime::log::Address::kNotNamed);
}

}  // namespace

SessionLog::SessionLog(const SessionEnvironment& environment, std::string address,
                       std::uint32_t process_id, runtime::WallMicros started)
    : environment_(environment),
      address_(std::move(address)),
      process_id_(process_id),
      started_(started) {
  if (wanted().connections) write(client(), "connection received: " + place_of(client()));
}

runtime::log::Client SessionLog::client() const {
  if (client_ != nullptr) return client_->for_log();
  return {
      .address = address_, .process_id = process_id_, .session_start = started_, .ps = "startup"};
}

void SessionLog::on_tls(const runtime::TlsAgreement& agreed) {
  tls_ = format(" SSL enabled (protocol={}, cipher={}, bits={})", agreed.version, agreed.cipher,
                agreed.bits);
}

void SessionLog::on_authorized(const Client& client, Kind kind) {
  client_ = &client;
  if (!wanted().connections) return;
  const runtime::log::Client who = client.for_log();
  std::string line = kind == Kind::kWalsender ? "replication connection authorized: user="
                                              : "connection authorized: user=";
  line += who.user;
  if (kind == Kind::kConsole) line += " database=" + who.database;
  if (!who.application_name.empty()) line += " application_name=" + who.application_name;
  write(who, line + tls_);
}

void SessionLog::on_disconnection() const {
  if (client_ == nullptr || !wanted().disconnections) return;
  const runtime::log::Client who = client_->for_log();
  const auto milliseconds = (environment_.loop.wall_now() - started_) / 1000;
  const auto seconds = milliseconds / 1000;
  write(who, format("disconnection: session time: {}:{:02}:{:02}.{:03} user={} database={} {}",
                    seconds / 3600, seconds / 60 % 60, seconds % 60, milliseconds % 1000, who.user,
                    who.database, place_of(who)));
}

}  // namespace server::session
