#include "server/admin/service_status.h"

#include "runtime/format.h"

namespace server::admin {

using runtime::format;

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

void ServiceStatus::on_look(wal::Lsn end, std::int64_t standbys) {
  manager_.status(
      format("{}; WAL ends at {}, {} standby{}", doing_, end, standbys, standbys == 1 ? "" : "s"));
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
