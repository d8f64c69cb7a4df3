#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/timer.h"
#include "server/session/client.h"
#include "server/session/environment.h"
#include "server/slot/pace.h"
#include "server/slot/slots.h"

namespace server::session {

// What a session has to do with replication slots: the slot that its stream uses, the temporary
// slots that die with it, and the commands that create and drop slots, which block on the disk and
// so run in the pool. What the client may do with a slot is asked of its role (`slot_owner_check`).
//   Owner: CommandLoop.  Thread: its loop's.
//   Borrows: environment, client and owner, which outlive it.
//   Invariant: while busy(), it does not die, unless the loop has stopped for good; a wait for a
//     slot only goes on while busy().
class SessionSlots final : private runtime::Timer::Handler {
 public:
  // Of its own commands that the disk must see, a session may begin a burst at once, and then so
  // many a second; those of all sessions have a bound too (Slots::take_turn).
  static constexpr int kChangesPerSecond = 10;
  static constexpr int kChangesBurst = 20;

  class Owner {
   public:
    virtual ~Owner() = default;
    // A command is over, perhaps within the call to cancel(). `created` names the slot that it was
    // to create, and is empty if it was to drop one.
    virtual void on_slot_command_done(const runtime::Result<void>& done,
                                      std::string_view created) = 0;
  };

  SessionSlots(SessionEnvironment& environment, const Client& client, std::uint32_t process_id,
               Owner& owner);
  ~SessionSlots() override;
  SessionSlots(const SessionSlots&) = delete;
  SessionSlots& operator=(const SessionSlots&) = delete;

  // Commands, one at a time. REQUIRES: !busy().
  void create(std::string_view name, slot::Persistence persistence, wal::Lsn restart_lsn);
  // With `wait`, the command waits until a slot that another session uses is free.
  void drop(std::string_view name, bool wait);
  // Whether a command runs or waits.
  bool busy() const { return state_ != State::kIdle; }
  // Ends a command that waits. A command that runs will be done in a moment. REQUIRES: busy().
  void cancel();

  std::optional<slot::SlotInfo> read(std::string_view name) const { return slots_.read(name); }

  // Acquires a stream's slot, which no other session may use until release().
  runtime::Result<slot::Slot*> acquire(std::string_view name);
  void release();
  // The name of the stream's slot; empty: it has none.
  std::string_view stream_slot() const {
    return streams_ != nullptr ? std::string_view(streams_->name()) : std::string_view();
  }
  // Keeps what hot standby feedback says. Returns false if the stream has no slot to keep it in.
  bool report_xmin(wal::Xmin xmin, const wal::NextXid& next);
  // Frees the stream's slot and drops the temporary ones: a command has failed (walsender.c,
  // WalSndErrorCleanup), or the session ends.
  void clean_up();

 private:
  class Command;
  enum class State {
    kIdle,
    kBusy,       // a command runs or waits
    kCancelled,  // it still runs, but is not to wait
  };

  void on_timer(runtime::Timer& timer) override;
  slot::Asker asker() const;
  void run(std::unique_ptr<Command> command);
  bool needs_disk(const Command& command) const;
  void take_turn();
  void submit(std::unique_ptr<Command> command);
  void done_with(Command& command);
  void wait_for(const std::string& name);
  void on_free();
  void finish(const runtime::Result<void>& done, std::string_view created = {});
  void finish_cancelled();

  SessionEnvironment& environment_;
  slot::Slots& slots_;
  runtime::Loop& home_;
  const Client& client_;
  const std::int32_t process_id_;
  Owner& owner_;

  slot::Slot* streams_ = nullptr;  // of the stream that runs or is about to
  bool has_temporary_ = false;
  State state_ = State::kIdle;
  slot::Pace pace_{kChangesPerSecond, kChangesBurst};
  runtime::Timer turn_;  // of the command that waits for it: the session's, then one of all
  std::unique_ptr<Command> waiting_;
  std::string awaited_;               // the slot that is to be dropped when it is free
  std::optional<slot::WaitId> wait_;  // while Slots has a task for when that is so
};

}  // namespace server::session
