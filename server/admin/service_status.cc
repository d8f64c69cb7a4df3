#include "server/admin/service_status.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

#include "runtime/format.h"

namespace server::admin {

using runtime::format;

namespace {

// In the largest unit of which there are at least ten (dbsize.c, pg_size_pretty).
std::string about(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes >= 10 * 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return format("{}{}", bytes, kUnits[unit]);
}

}  // namespace

ServiceStatus::ServiceStatus(bool has_primary)
    : manager_(runtime::ServiceManager::socket_name_of_environment()),
      awaits_primary_(has_primary),
      doing_(has_primary ? "connecting to the primary" : "serving WAL") {
  manager_.status(has_primary ? doing_ : "looking for the end of WAL");
}

void ServiceStatus::on_started() {
  started_ = true;
  become_ready();
}

void ServiceStatus::on_receiver(const source::ReceiverState& state) {
  using Kind = source::ReceiverState::Kind;
  switch (state.kind) {
    case Kind::kStreaming:
      doing_ = format("streaming from {}", state.text);
      awaits_primary_ = false;
      become_ready();
      break;
    case Kind::kPaused:
      doing_ = format("receiving WAL pauses: {}", state.text);
      break;
    case Kind::kFailing:
      doing_ = format("no WAL comes from the primary: {}", state.text);
      break;
  }
  manager_.status(doing_);
}

// "streaming from host=a port=5432; WAL ends at 0/5000000, 16MB behind the primary, 3 standbys, the
// last 32MB (1.5s) behind".
void ServiceStatus::on_look(const Look& look) {
  std::string text = format("{}; WAL ends at {}", doing_, look.end);
  if (look.behind_primary_bytes > 0) {
    text += format(", {} behind the primary", about(look.behind_primary_bytes));
  }
  text += format(", {} standby{}", look.standbys, look.standbys == 1 ? "" : "s");
  if (look.lag_bytes > 0) {
    text += format(", the last {} ({:.1f}s) behind", about(look.lag_bytes),
                   std::chrono::duration<double>(look.lag).count());
  }
  manager_.status(text);
}

void ServiceStatus::become_ready() {
  if (!started_ || awaits_primary_ || ready_) return;
  ready_ = true;
  manager_.ready();
}

void ServiceStatus::on_reload_begun() {
  if (ready_) manager_.reloading();
}

void ServiceStatus::on_reload_done() {
  if (ready_) manager_.ready();
}

void ServiceStatus::on_stop_begun() {
  manager_.stopping();
  doing_ = "stopping";
  manager_.status("stopping: waiting for standbys to confirm all WAL");
}

}  // namespace server::admin
