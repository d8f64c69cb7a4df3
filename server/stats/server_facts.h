#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "server/settings/settings.h"
#include "server/slot/slots.h"
#include "server/source/receiver_state.h"
#include "server/source/source.h"
#include "server/stats/disk_watch.h"
#include "server/stats/slot_rules.h"
#include "server/stats/snapshot.h"
#include "server/wal/holds.h"
#include "server/wal/tail.h"

namespace server::stats {

// What is known of the server without its loops: what main says, and what other objects answer on
// any thread.
//   Owner: Server.  Thread: main sets, the collector's adds; add_to() blocks on files.
//   Borrows: all that Parts names, which outlives the collector's thread.
class ServerFacts final {
 public:
  struct Parts {
    const runtime::Clock& clock;
    const wal::WalTail& tail;
    const slot::Slots& slots;
    const wal::Holds& holds;
    const source::Source& source;
  };
  struct Options {
    SlotRules slot_rules = {};  // its segment size is the source's
    std::uint64_t min_free_bytes = 0;
    bool spool_grows = false;
    bool has_primary = false;
    std::string conninfo = {};      // of the primary, without passwords
    std::string slot_name = {};     // primary_slot_name
    std::size_t sync_standbys = 0;  // of upstream_ack's FIRST
    std::uint32_t process_id = 0;
    // What is used, and how much there may be, but for what loops know. On any thread.
    std::function<std::vector<LimitStatus>(const settings::Settings& settings)> limits =
        [](const settings::Settings&) { return std::vector<LimitStatus>(); };
  };

  // REQUIRES: the source is open.
  ServerFacts(const Parts& parts, Options options);

  // The configuration was read, at the start or by a reload.
  void set_settings(std::shared_ptr<const settings::Settings> settings, bool is_reload)
      EXCLUDES(mutex_);
  void set_receiver(const source::ReceiverState& state) EXCLUDES(mutex_);
  void set_ready() EXCLUDES(mutex_);
  void set_stopping() EXCLUDES(mutex_);

  std::size_t sync_standbys() const { return options_.sync_standbys; }

  // Fills in all but what is the loops', the rates and the threads. `fresh`: what is looked at now
  // and then is looked at.
  void add_to(Snapshot& snapshot, bool fresh) EXCLUDES(mutex_);

 private:
  struct Told {
    std::shared_ptr<const settings::Settings> settings;
    runtime::WallMicros config_load_time = 0;
    UpstreamState state = UpstreamState::kNone;
    std::string text;
    runtime::WallMicros since = 0;
    bool is_ready = false;
    bool is_stopping = false;
  };

  void add_upstream(const Told& told, Snapshot& snapshot) const;
  void add_slots(Snapshot& snapshot) const;
  void add_holds(Snapshot& snapshot) const;

  const Parts parts_;
  Options options_;  // the same once this is built
  const wal::Identity identity_;
  const runtime::WallMicros start_time_;
  DiskWatch disk_;  // the collector's thread's

  runtime::Mutex mutex_;
  Told told_ GUARDED_BY(mutex_);
};

}  // namespace server::stats
