#include "server/session/admin_verbs.h"

#include <memory>
#include <utility>

#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/mutex.h"
#include "server/wire/errors.h"

namespace server::session {

using console::Actor;
using runtime::format;
using runtime::Result;

namespace {

// Control characters cannot begin a line of their own: names are what clients say.
std::string printable(std::string_view text) {
  std::string kept(text);
  for (char& c : kept) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  return kept;
}

std::string describe(const Actor& actor) {
  return printable(format("role \"{}\" (application_name \"{}\", PID {}, client {})", actor.user,
                          actor.application_name, actor.process_id, actor.client));
}

template <typename T>
Result<void> outcome(const Result<T>& result) {
  if (result) return {};
  return result.error();
}

// An admin's slot is of no role, so that a standby of any may use it.
slot::Asker asker(const Actor& actor) {
  return {.pid = static_cast<std::int32_t>(actor.process_id)};
}

std::string_view found(bool is_there) { return is_there ? "" : " (no such session)"; }

// How many standbys the loops have told of.
struct Count {
  runtime::Mutex mutex;
  runtime::Condition changed;
  std::size_t loops_left GUARDED_BY(mutex) = 0;
  std::int64_t standbys GUARDED_BY(mutex) = 0;
};

}  // namespace

void ServerVerbs::note(const Actor& actor, std::string_view what, const Result<void>& done) {
  last_change_ = parts_.clock.now();
  runtime::log::log("{} by {}{}", printable(what), describe(actor),
                    done ? "" : ": " + printable(done.error().what));
}

Result<void> ServerVerbs::reload(const Actor& actor) {
  note(actor, "configuration is read again, as asked");
  parts_.reload();
  return {};
}

Result<bool> ServerVerbs::terminate(const Actor& actor, std::uint32_t process_id) {
  const bool is_there = parts_.cancel_keys.terminate(process_id);
  note(actor, format("session of PID {} is terminated{}, as asked", process_id, found(is_there)));
  return is_there;
}

Result<bool> ServerVerbs::cancel(const Actor& actor, std::uint32_t process_id) {
  const bool is_there = parts_.cancel_keys.cancel(process_id);
  note(actor, format("command of PID {} is cancelled{}, as asked", process_id, found(is_there)));
  return is_there;
}

// The slots of all clients together change no faster than the disk is to be asked to. The console's
// thread has other statements, so it waits for no turn.
Result<void> ServerVerbs::take_turn() const {
  const runtime::Instant now = parts_.clock.now();
  if (parts_.slots.take_turn(now) <= now) return {};
  return runtime::Error{.kind = &wire::kObjectInUse,
                        .what = "too many replication slots are created and dropped",
                        .hint = "Try again in a moment."};
}

Result<console::CreatedSlot> ServerVerbs::create_slot(const Actor& actor, std::string_view name,
                                                      bool reserves_wal, bool temporary) {
  const auto create = [&]() -> Result<console::CreatedSlot> {
    if (!temporary) TRY(take_turn());
    const wal::Lsn restart = reserves_wal ? parts_.reserved_lsn() : wal::Lsn();
    slot::Slot* const slot = TRY(parts_.slots.create(
        name, temporary ? slot::Persistence::kTemporary : slot::Persistence::kPersistent,
        asker(actor), restart));
    parts_.slots.release(*slot);
    return console::CreatedSlot{.name = std::string(name), .restart_lsn = restart};
  };
  auto created = create();
  note(actor, format("replication slot \"{}\" is created, as asked", name), outcome(created));
  return created;
}

// pg_drop_replication_slot() waits for no session that holds the slot.
Result<void> ServerVerbs::drop_slot(const Actor& actor, std::string_view name) {
  const auto drop = [&]() -> Result<void> {
    TRY(take_turn());
    return parts_.slots.drop(name, asker(actor));
  };
  auto dropped = drop();
  note(actor, format("replication slot \"{}\" is dropped, as asked", name), dropped);
  return dropped;
}

// All sessions of a loop share its contexts, and all threads are the server's.
Result<bool> ServerVerbs::log_memory_contexts(const Actor& actor, std::uint32_t process_id) {
  const bool is_server = process_id == parts_.own_process_id;
  const bool is_there = is_server || parts_.cancel_keys.log_memory_contexts(process_id);
  note(actor,
       format("memory contexts of PID {} are logged{}, as asked", process_id, found(is_there)));
  if (is_server) parts_.log_all_memory_contexts();
  return is_there;
}

Result<std::int64_t> ServerVerbs::pause(const Actor& actor, std::string_view standby) {
  const auto pause = [&]() -> Result<std::int64_t> {
    TRY(parts_.pauses.add(standby));
    return tell_loops(standby);
  };
  auto paused = pause();
  note(actor, format("standby \"{}\" is paused, as asked", standby), outcome(paused));
  return paused;
}

Result<std::int64_t> ServerVerbs::resume(const Actor& actor, std::string_view standby) {
  parts_.pauses.remove(standby);
  auto resumed = tell_loops(standby);
  note(actor, format("standby \"{}\" goes on, as asked", standby), outcome(resumed));
  return resumed;
}

Result<std::int64_t> ServerVerbs::tell_loops(std::string_view standby) const {
  const auto count = std::make_shared<Count>();
  {
    const runtime::Lock lock(count->mutex);
    count->loops_left = loops_.size();
  }
  for (PausedLoop* const loop : loops_) {
    loop->post_pauses(std::string(standby), [count](std::int64_t standbys) {
      const runtime::Lock lock(count->mutex);
      count->standbys += standbys;
      if (--count->loops_left == 0) count->changed.notify_one();
    });
  }
  const runtime::Instant deadline = parts_.clock.now() + kPatience;
  const runtime::Lock lock(count->mutex);
  while (count->loops_left > 0) {
    if (count->changed.wait_until(count->mutex, deadline)) continue;
    return runtime::Error{.kind = &wire::kQueryCanceled,
                          .what = "canceling statement: not all loops have answered"};
  }
  return count->standbys;
}

// A connection string may have a password, so the log does not have it.
Result<void> ServerVerbs::switch_upstream(const Actor& actor, std::string_view conninfo) {
  auto switched = parts_.switch_upstream(std::string(conninfo));
  note(actor, "the primary is another, as asked", switched);
  return switched;
}

}  // namespace server::session
