#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/mailbox.h"
#include "runtime/pool.h"
#include "runtime/result.h"
#include "server/slot/slots.h"

namespace server::session {

// What a session has to do with replication slots: the slot that its stream uses, the temporary
// slots that die with it, and the commands that create and drop slots, which block on the disk and
// so run in the pool.
//   Owner: CommandLoop.  Thread: its loop's.
//   Borrows: slots, pool and home, the loop's mailbox, which outlive it.
//   Invariant: while busy(), it does not die, unless the loop has stopped for good; a wait for a
//     slot only goes on while busy().
class SessionSlots {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // A command is over, perhaps within the call to cancel(). `created` names the slot that it was
    // to create, and is empty if it was to drop one.
    virtual void on_slot_command_done(const runtime::Result<void>& done,
                                      std::string_view created) = 0;
  };

  SessionSlots(slot::Slots& slots, runtime::Pool& pool, runtime::Mailbox& home,
               std::uint32_t process_id, Owner& owner);
  ~SessionSlots();
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
  // Keeps what hot standby feedback says. Returns false if the stream has no slot to keep it in.
  bool report_xmin(wal::Xmin xmin);
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

  void run(std::unique_ptr<Command> command);
  void done_with(Command& command);
  void wait_for(const std::string& name);
  void on_free();
  void finish(const runtime::Result<void>& done, std::string_view created = {});

  slot::Slots& slots_;
  runtime::Pool& pool_;
  runtime::Mailbox& home_;
  const std::int32_t process_id_;
  Owner& owner_;

  slot::Slot* streams_ = nullptr;  // of the stream that runs or is about to
  bool has_temporary_ = false;
  State state_ = State::kIdle;
  std::string awaited_;               // the slot that is to be dropped when it is free
  std::optional<slot::WaitId> wait_;  // while Slots has a task for when that is so
};

}  // namespace server::session
