#include "server/http/health.h"

#include <algorithm>

#include "runtime/format.h"
#include "server/settings/units.h"

namespace server::http {

using runtime::format;

namespace {

Health bad(std::string why) { return {.is_good = false, .why = std::move(why)}; }

Health upstream(const stats::Snapshot& snapshot, const ReadyLimits& limits) {
  const stats::UpstreamStatus& upstream = snapshot.upstream;
  if (upstream.state != stats::UpstreamState::kStreaming) {
    return bad(format("the primary is {}: {}", name_of(upstream.state), upstream.text));
  }
  const auto silence = std::chrono::microseconds(snapshot.taken_wall - upstream.receipt_time);
  if (upstream.receipt_time != 0 && silence > limits.silence) {
    return bad(format("the primary has been silent for {} s",
                      std::chrono::duration_cast<std::chrono::seconds>(silence).count()));
  }
  const std::uint64_t lag =
      snapshot.end < upstream.latest_end ? upstream.latest_end - snapshot.end : 0;
  if (limits.lag_bytes.has_value() && lag > *limits.lag_bytes) {
    return bad(format("{} bytes behind the primary", lag));
  }
  return {.is_good = true, .why = format("streaming from {}", upstream.text)};
}

// The best of several connections of one name speaks for it: the last one may have come before the
// others were known to be dead.
const stats::SessionStatus* find_standby(const stats::Snapshot& snapshot, std::string_view name) {
  const stats::SessionStatus* best = nullptr;
  for (const stats::SessionStatus& session : snapshot.sessions) {
    if (!session.streams || session.application_name != name) continue;
    if (best == nullptr || session.lag_bytes < best->lag_bytes) best = &session;
  }
  return best;
}

}  // namespace

Health ready(const stats::Snapshot& snapshot, const ReadyLimits& limits) {
  if (snapshot.is_stopping) return bad("the server is stopping");
  if (!snapshot.is_ready) return bad("the server is starting");
  if (!snapshot.end.valid()) return bad("there is no WAL yet");
  if (snapshot.upstream.has_primary()) return upstream(snapshot, limits);
  return {.is_good = true, .why = "serving WAL"};
}

Health standby(const stats::Snapshot& snapshot, std::string_view name,
               std::optional<std::uint64_t> lag_bytes) {
  const stats::SessionStatus* const found = find_standby(snapshot, name);
  if (found == nullptr) return bad("no such standby streams");
  if (found->paused) return bad("the standby is paused");
  if (!lag_bytes.has_value() && found->state != "streaming") {
    return bad(format("the standby's state is {}", found->state));
  }
  if (lag_bytes.has_value() && found->lag_bytes > *lag_bytes) {
    return bad(format("{} bytes behind", found->lag_bytes));
  }
  return {.is_good = true, .why = format("{} bytes behind", found->lag_bytes)};
}

runtime::Result<std::uint64_t> parse_lag(std::string_view text) {
  return settings::parse_bytes("lag", text);
}

}  // namespace server::http
