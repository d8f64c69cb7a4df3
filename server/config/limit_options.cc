#include "server/config/limit_options.h"

#include <cstdint>

#include "server/settings/option_types.h"

namespace server::config {

namespace {

using settings::Unit;

constexpr auto kReloaded = settings::SettingContext::kSighup;

}  // namespace

void add_limit_options(settings::Options& options, ClientLimits& limits) {
  const auto count = settings::integer<std::int64_t>(0, 1'000'000);
  options.add("max-client-connections", limits.connections_max, "0", count,
              "Most connections at a time, of whatever kind; 0: as many as the limit of open files "
              "leaves room for",
              kReloaded);
  options.add("max-console-connections", limits.console_max, "100", count,
              "Most normal connections at a time, by which SQL is asked; 0: none are let in",
              kReloaded);
  options.add("max-connections-per-address", limits.per_address_max, "0", count,
              "Most connections of one address, or of one /64 of IPv6; 0: no limit", kReloaded);
  options.add("max-connections-per-role", limits.per_role_max, "0", count,
              "Most connections of one role; 0: no limit but the role's own", kReloaded);
  options.add("max-startups", limits.startups_max, "20000", count,
              "Most connections that have not logged in yet; 0: no limit", kReloaded);
  options.add("max-startups-per-address", limits.startups_per_address_max, "0", count,
              "Most of them of one address; 0: no limit", kReloaded);
  options.add("max-cancels-per-address", limits.cancels_per_second, "10", count,
              "Most cancel requests of one address in a second; 0: no limit", kReloaded);
  options.add("authentication-failure-delay", limits.failure_delay, "100ms",
              settings::duration(Unit::kMilliseconds),
              "From the fourth wrong password of an address on, the answer waits this long, and "
              "twice as long each time; 0 turns it off",
              kReloaded);
  options.add("client-read-timeout", limits.read_timeout, "60s",
              settings::duration(Unit::kMilliseconds),
              "Time for a client to send the rest of a command; 0 turns it off", kReloaded);
  options.add("client-write-timeout", limits.write_timeout, "60s",
              settings::duration(Unit::kMilliseconds),
              "Clients that read nothing of their answers for so long are dropped; 0 turns it off",
              kReloaded);
}

void add_tcp_options(settings::Options& options, runtime::TcpTimeouts& tcp) {
  const auto add = [&](const std::string& flag, std::string_view name, int& value,
                       const std::string& help) {
    options.add(flag, value, "0", settings::as_postgres(name), help + "; 0 is the system's default",
                kReloaded);
  };
  add("tcp-keepalives-idle", "tcp_keepalives_idle", tcp.keepalive_idle_s,
      "Silence before TCP asks for a sign of life");
  add("tcp-keepalives-interval", "tcp_keepalives_interval", tcp.keepalive_interval_s,
      "Time before it asks again");
  add("tcp-keepalives-count", "tcp_keepalives_count", tcp.keepalive_count,
      "Questions until the connection is dropped");
  add("tcp-user-timeout", "tcp_user_timeout", tcp.user_timeout_ms,
      "Time that sent data may stay unacknowledged");
}

}  // namespace server::config
