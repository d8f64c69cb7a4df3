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

// What a session has to do with replication slots: the one that its stream uses, the temporary ones
// that are its own, and the commands that create and drop, which block on the disk and so run in
// the pool.
//   Owner: Session.  Thread: its loop's.
//   Borrows: slots, pool and home, the loop's mailbox, which outlive it.
//   Invariant: while busy(), it must not die, unless the loop has stopped for good.
class SessionSlots {
 public:
  // Told when a command is over, which may be within the call that began it.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_slot_command_done(const runtime::Result<void>& done) = 0;
  };

  SessionSlots(slot::Slots& slots, runtime::Pool& pool, runtime::Mailbox& home,
               std::uint32_t process_id, Owner& owner);
  ~SessionSlots();
  SessionSlots(const SessionSlots&) = delete;
  SessionSlots& operator=(const SessionSlots&) = delete;

  // Commands, one at a time. REQUIRES: !busy().
  void create(std::string_view name, slot::Persistence persistence, wal::Lsn restart_lsn);
  // With `wait`, a slot that another session uses is waited for until it is free.
  void drop(std::string_view name, bool wait);
  // A command runs or waits.
  bool busy() const { return busy_; }
  // Ends a command that waits; one that runs will be done in a moment.
  void cancel();

  std::optional<slot::SlotInfo> read(std::string_view name) const { return slots_.read(name); }

  // For a stream. Its slot is the session's until release().
  runtime::Result<slot::Slot*> acquire(std::string_view name);
  void release();
  // By hot standby feedback. Returns false if the stream has no slot to keep it.
  bool report_xmin(wal::Xmin xmin);
  // A command has failed: the stream's slot is free, and temporary ones go (walsender.c,
  // WalSndErrorCleanup). So it is at the end of the session.
  void clean_up();

 private:
  class Command;

  void run(std::unique_ptr<Command> command);
  void done_with(Command& command);
  void wait_for(const std::string& name);
  void on_free();
  void finish(const runtime::Result<void>& done);

  slot::Slots& slots_;
  runtime::Pool& pool_;
  runtime::Mailbox& home_;
  const std::int32_t process_id_;
  Owner& owner_;

  slot::Slot* streams_ = nullptr;
  bool has_temporary_ = false;
  bool busy_ = false;
  bool cancelled_ = false;            // it is not to wait, or no longer
  std::string awaited_;               // the slot that is to be dropped when it is free
  std::optional<slot::WaitId> wait_;  // until the slot is said to be free
};

}  // namespace server::session
