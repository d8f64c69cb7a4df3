#include "server/settings/session_settings.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/format.h"
#include "server/settings/cluster_settings.h"
#include "server/settings/postgres_settings.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::settings {

namespace {

bool is_identifier(std::string_view part) {
  const auto starts = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
  };
  return !part.empty() && starts(part.front()) &&
         std::all_of(part.begin(), part.end(),
                     [&](char c) { return starts(c) || (c >= '0' && c <= '9') || c == '$'; });
}

// A setting with a dot in its name belongs to an extension; walcast has none, so any value will do.
runtime::Result<void> check_custom_name(std::string_view name) {
  for (std::string_view rest = name;;) {
    const auto dot = rest.find('.');
    if (!is_identifier(rest.substr(0, dot))) {
      return runtime::Error{
          .kind = &wire::kInvalidName,
          .what = runtime::format("invalid configuration parameter name \"{}\"", name),
          .detail =
              "Custom parameter names must be two or more simple identifiers separated by "
              "dots."};
    }
    if (dot == std::string_view::npos) return {};
    rest.remove_prefix(dot + 1);
  }
}

runtime::Error cannot_change(std::string_view name, SettingContext context) {
  const std::string_view when = context == SettingContext::kInternal ? ""
                                : context == SettingContext::kPostmaster
                                    ? " without restarting the server"
                                    : " now";
  return {.kind = &wire::kCannotChangeParameter,
          .what = runtime::format("parameter \"{}\" cannot be changed{}", name, when)};
}

// The kernel's own value, which a zero stands for (guc.c: show_tcp_keepalives_idle and the like).
std::optional<std::string> system_value(std::string_view name) {
  const runtime::TcpTimeouts& system = runtime::system_tcp_timeouts();
  if (name == "tcp_keepalives_idle") return std::to_string(system.keepalive_idle_s);
  if (name == "tcp_keepalives_interval") return std::to_string(system.keepalive_interval_s);
  if (name == "tcp_keepalives_count") return std::to_string(system.keepalive_count);
  return std::nullopt;
}

// A short text lies in its string.
std::size_t bytes_elsewhere(const std::string& text) {
  return text.capacity() > std::string().capacity() ? text.capacity() + 1 : 0;
}

}  // namespace

runtime::Result<void> SessionSettings::set(const Settings& settings, std::string_view name,
                                           std::string_view value, Notices& notices) {
  if (const SettingDefinition* definition = find_session_setting(name)) {
    std::string text(value);
    if (definition->kind == SettingKind::kName) {
      Notices unwanted;
      truncate_identifier(text, wants_notices() ? notices : unwanted);
    }
    SettingValue parsed = TRY(parse_setting(*definition, text));
    // Each command is a transaction of its own, which begins with the defaults.
    if (definition->name.starts_with("transaction_")) return {};
    if (definition->name == "seed") parsed.shown = "unavailable";  // show_random_seed
    act_on(definition->name, parsed);
    put(definition->name, std::move(parsed.shown));
    return {};
  }
  if (const FixedSetting* fixed = find_fixed_setting(name)) {
    return cannot_change(fixed->name, fixed->context);
  }
  if (const Setting* own = settings.find(name)) return cannot_change(own->name, own->context);
  if (name.find('.') == std::string_view::npos) return unrecognized_parameter(name);
  TRY(check_custom_name(name));
  put(name, std::string(value));
  return {};
}

// Each number is one of PostgreSQL's integers, and so is a whole one.
void SessionSettings::act_on(std::string_view name, const SettingValue& value) {
  const int number = static_cast<int>(value.number);
  if (name == "wal_sender_timeout") timeouts_.wal_sender = std::chrono::milliseconds(number);
  if (name == "idle_session_timeout") timeouts_.idle_session = std::chrono::milliseconds(number);
  if (name == "idle_in_transaction_session_timeout") {
    timeouts_.idle_in_transaction = std::chrono::milliseconds(number);
  }
  if (name == "statement_timeout") timeouts_.statement = std::chrono::milliseconds(number);
  if (name == "tcp_keepalives_idle") timeouts_.keepalive_idle_s = number;
  if (name == "tcp_keepalives_interval") timeouts_.keepalive_interval_s = number;
  if (name == "tcp_keepalives_count") timeouts_.keepalive_count = number;
  if (name == "tcp_user_timeout") timeouts_.user_timeout_ms = number;
  if (name == "client_encoding") encoding_ = value.encoding;
  if (name == "client_min_messages") {
    wants_notices_ = value.shown != "warning" && value.shown != "error";
  }
}

Timeouts SessionSettings::timeouts(const Timeouts& of_server) const {
  const OwnTimeouts& own = timeouts_;
  const runtime::TcpTimeouts& tcp = of_server.tcp;
  return {
      .wal_sender = own.wal_sender.value_or(of_server.wal_sender),
      .idle_session = own.idle_session.value_or(of_server.idle_session),
      .idle_in_transaction = own.idle_in_transaction.value_or(of_server.idle_in_transaction),
      .statement = own.statement.value_or(of_server.statement),
      .tcp = {.keepalive_idle_s = own.keepalive_idle_s.value_or(tcp.keepalive_idle_s),
              .keepalive_interval_s = own.keepalive_interval_s.value_or(tcp.keepalive_interval_s),
              .keepalive_count = own.keepalive_count.value_or(tcp.keepalive_count),
              .user_timeout_ms = own.user_timeout_ms.value_or(tcp.user_timeout_ms)}};
}

void SessionSettings::put(std::string_view name, std::string value) {
  const auto at = values_.lower_bound(name);
  if (at != values_.end() && !setting_name_less(name, at->first)) {
    at->second = std::move(value);
  } else {
    values_.emplace_hint(at, name, std::move(value));
  }
}

std::size_t SessionSettings::kept_bytes() const {
  constexpr std::size_t kNodeBytes = 4 * sizeof(void*) + sizeof(decltype(values_)::value_type);
  std::size_t bytes = 0;
  for (const auto& [name, value] : values_) {
    bytes += kNodeBytes + bytes_elsewhere(name) + bytes_elsewhere(value);
  }
  return bytes;
}

std::optional<std::string_view> SessionSettings::find(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? std::nullopt : std::optional<std::string_view>(at->second);
}

runtime::Result<SessionSettings::Value> find_shown(const Settings& settings,
                                                   const SessionSettings& own,
                                                   std::string_view name) {
  const Setting* known = settings.find(name);
  const SettingDefinition* definition = find_session_setting(name);
  const std::string_view canonical = known != nullptr        ? known->name
                                     : definition != nullptr ? definition->name
                                                             : name;
  const auto shown = [&](std::string_view value) {
    const auto system = value == "0" ? system_value(canonical) : std::nullopt;
    return SessionSettings::Value{std::string(canonical), system.value_or(std::string(value))};
  };
  if (const auto value = own.find(name)) return shown(*value);
  if (known != nullptr) return shown(known->value);
  if (definition == nullptr) {
    const FixedSetting* const fixed = find_fixed_setting(name);
    const bool is_fact = fixed != nullptr && wal::is_cluster_fact(fixed->name);
    return is_fact ? unknown_cluster_fact(fixed->name) : unrecognized_parameter(name);
  }
  return SessionSettings::Value{std::string(canonical),
                                TRY(parse_setting(*definition, definition->initial)).shown};
}

}  // namespace server::settings
