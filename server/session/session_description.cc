#include "server/session/session_description.h"

#include <algorithm>
#include <optional>
#include <string>

#include "runtime/tls_channel.h"

namespace server::session {

using runtime::Duration;
using stream::index_of;
using stream::Stage;

namespace {

// From being published to the end of `last`, as deliveries have taken lately; or for how long WAL
// behind `position` has waited, if that is more.
std::optional<Duration> lag(const stats::SessionStatus& status, Stage last, wal::Lsn position,
                            const stream::LagClock& clock, runtime::Instant now) {
  std::optional<Duration> measured;
  if (status.delivery.stages[index_of(last)].count > 0) {
    measured = Duration::zero();
    for (std::size_t i = index_of(Stage::kTaken); i <= index_of(last); ++i) {
      *measured += status.delivery.stages[i].mean;
    }
  }
  if (!position.valid()) return measured;
  return std::max(measured, clock.behind(position, now));
}

}  // namespace

void describe_line(const runtime::SocketAddress& peer, const stream::Connection& connection,
                   stats::SessionStatus& status) {
  status.client = peer.text();
  if (!peer.is_unix()) {
    status.client_host = peer.host();
    status.client_port = peer.port();
  }
  const auto agreed = connection.tls_agreement();
  if (!agreed.has_value()) return;
  status.tls = stats::TlsStatus{
      .version = agreed->version,
      .cipher = agreed->cipher,
      .bits = agreed->bits,
      .client_dn = agreed->client.has_value() ? agreed->client->distinguished_name : std::string()};
}

void describe_client(const Client& client, stats::SessionStatus& status) {
  status.kind = stats::SessionKind::kConsole;
  status.user = client.user;
  status.database = client.database;
  status.application_name = std::string(client.application_name());
}

void describe_lags(const stream::LagClock& clock, runtime::Instant now,
                   stats::SessionStatus& status) {
  status.write_lag = lag(status, Stage::kWritten, status.write, clock, now);
  status.flush_lag = lag(status, Stage::kFlushed, status.flush, clock, now);
  status.replay_lag = lag(status, Stage::kApplied, status.apply, clock, now);
}

}  // namespace server::session
