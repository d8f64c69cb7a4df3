#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/console/verbs.h"
#include "server/session/cancel_keys.h"
#include "server/session/pauses.h"
#include "server/slot/slots.h"
#include "server/wal/lsn.h"

namespace server::session {

// A worker, as far as an admin's verbs reach all its sessions. Any thread.
class PausedLoop {
 public:
  virtual ~PausedLoop() = default;
  // The standbys that a name means look whether they are paused, and `told` gets how many these
  // are, on the worker's thread. Never, if that has ended.
  virtual void post_pauses(std::string name, std::function<void(std::int64_t)> told) = 0;
};

// What admins may change by SQL, and by `walcast ctl`, which asks for it by SQL.
//   Owner: Server.  Thread: the console's.
//   Borrows: what Parts names, which outlives it.
//   Limits: kPatience for what it waits for.
class ServerVerbs final : public console::AdminVerbs {
 public:
  static constexpr runtime::Duration kPatience = std::chrono::seconds(5);

  struct Parts {
    const runtime::Clock& clock;
    CancelKeys& cancel_keys;
    slot::Slots& slots;
    Pauses& pauses;
    std::uint32_t own_process_id = 0;
    // As SIGHUP; only passes it on.
    std::function<void()> reload;
    // As SIGUSR1.
    std::function<void()> log_all_memory_contexts;
    // Where a slot that is to keep WAL at once begins; invalid: there is no WAL yet.
    std::function<wal::Lsn()> reserved_lsn;
    std::function<runtime::Result<void>(std::string conninfo)> switch_upstream;
  };

  explicit ServerVerbs(Parts parts) : parts_(std::move(parts)) {}

  // Before the first session.
  void add(PausedLoop& loop) { loops_.push_back(&loop); }
  // When a verb has changed something last. The console's thread.
  runtime::Instant last_change() const { return last_change_; }

  runtime::Result<void> reload(const console::Actor& actor) override;
  runtime::Result<bool> terminate(const console::Actor& actor, std::uint32_t process_id) override;
  runtime::Result<bool> cancel(const console::Actor& actor, std::uint32_t process_id) override;
  runtime::Result<console::CreatedSlot> create_slot(const console::Actor& actor,
                                                    std::string_view name, bool reserves_wal,
                                                    bool temporary) override;
  runtime::Result<void> drop_slot(const console::Actor& actor, std::string_view name) override;
  runtime::Result<bool> log_memory_contexts(const console::Actor& actor,
                                            std::uint32_t process_id) override;
  runtime::Result<std::int64_t> pause(const console::Actor& actor,
                                      std::string_view standby) override;
  runtime::Result<std::int64_t> resume(const console::Actor& actor,
                                       std::string_view standby) override;
  runtime::Result<void> switch_upstream(const console::Actor& actor,
                                        std::string_view conninfo) override;

 private:
  // Says in the log who has asked for it, and what has come of it.
  void note(const console::Actor& actor, std::string_view what,
            const runtime::Result<void>& done = {});
  runtime::Result<void> take_turn() const;
  runtime::Result<std::int64_t> tell_loops(std::string_view standby) const;

  const Parts parts_;
  std::vector<PausedLoop*> loops_;
  runtime::Instant last_change_{};
};

}  // namespace server::session
