#pragma once

#include <cstdint>
#include <string>

#include "runtime/clock.h"
#include "runtime/service_manager.h"
#include "server/source/receiver_state.h"
#include "server/wal/lsn.h"

namespace server::admin {

// What the service manager hears of the server. It is told that the server is ready once sessions
// are taken and, where there is a primary, once WAL has begun to come from it: a relay that may not
// log in serves what it has, and is no service that has started.
//   Owner: Server.  Thread: main's.
class ServiceStatus {
 public:
  // How far WAL has come.
  struct Look {
    wal::Lsn end;                            // that may be sent
    std::int64_t standbys = 0;               // that stream
    std::uint64_t lag_bytes = 0;             // of the standby that lacks most
    runtime::Duration lag{};                 // of the one that has waited longest
    std::uint64_t behind_primary_bytes = 0;  // not received yet
  };

  explicit ServiceStatus(bool has_primary);

  bool heeded() const { return manager_.present(); }

  // Sessions are taken from now on.
  void on_started();
  void on_receiver(const source::ReceiverState& state);
  // How it goes, every few seconds.
  void on_look(const Look& look);
  // All loops take their turns.
  void on_alive() { manager_.alive(); }
  void on_reload_begun();
  void on_reload_done();
  void on_stop_begun();

 private:
  void become_ready();

  runtime::ServiceManager manager_;
  bool awaits_primary_;
  bool started_ = false;
  bool ready_ = false;
  std::string doing_;
};

}  // namespace server::admin
