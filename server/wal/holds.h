#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "server/wal/lsn.h"

namespace server::wal {

// One reason why WAL stays, in words for an operator.
struct Hold {
  std::string who;         // "replication slot \"a\"", "spool"
  std::string why;         // "its standby may still ask for it"
  Lsn from;                // WAL from here on stays
  runtime::Instant since;  // when Holds saw for the first time that it holds just this
};

// Something that may need WAL to stay: the slots, what a spool has not made durable.
class Holder {
 public:
  virtual ~Holder() = default;

  // What it holds now; `since` is filled in by Holds. Any thread; does not block.
  virtual std::vector<Hold> holds() const = 0;
  // Moves its holds as far as they may go by now. Blocks.
  virtual void settle() = 0;
  // A limit wants the WAL before `oldest` gone. What holds() says afterwards is still heeded, so a
  // hold that cannot be given up at once keeps its WAL. Blocks.
  virtual void release_before(Lsn oldest) = 0;
};

// The one answer to the question what keeps WAL. Each holder is asked for its holds whenever the
// question is put, so nothing in here can be out of date.
//   Owner: Server.  Thread: any asks; the thread that removes WAL settles and releases.
//   Borrows: the clock and the holders.
//   Invariant: no WAL from oldest() on is removed by an object that asks here.
//   Invariant: of two lists that threads make at once, the one that was begun last says what was
//   seen, however the two end: what the other has may be out of date.
class Holds {
 public:
  explicit Holds(const runtime::Clock& clock) : clock_(clock) {}
  Holds(const Holds&) = delete;
  Holds& operator=(const Holds&) = delete;

  // A holder is removed before it ends, and at a time when no other thread asks.
  void add(Holder& holder) EXCLUDES(mutex_);
  void remove(Holder& holder) EXCLUDES(mutex_);

  // Every hold, the oldest WAL first.
  std::vector<Hold> list() const EXCLUDES(mutex_);
  // WAL from here on is held; invalid if nothing is.
  Lsn oldest() const EXCLUDES(mutex_);

  // Has the holders that keep WAL before `before` move as far as they may by now. Blocks.
  void settle(Lsn before) EXCLUDES(mutex_);
  // Tells the holders that keep WAL before `oldest` to give it up. Blocks.
  void release_before(Lsn oldest) EXCLUDES(mutex_);

 private:
  struct Seen {
    Lsn from;
    runtime::Instant since;
  };
  using Name = std::pair<std::string, std::string>;  // of the holder, and its reason

  std::vector<Holder*> holders() const EXCLUDES(mutex_);
  std::vector<Holder*> holders_before(Lsn lsn) const EXCLUDES(mutex_);
  std::uint64_t begin_list() const EXCLUDES(mutex_);
  void note_since(std::uint64_t list, std::vector<Hold>& holds) const EXCLUDES(mutex_);

  const runtime::Clock& clock_;
  mutable runtime::Mutex mutex_;  // never held while a holder is called
  std::vector<Holder*> holders_ GUARDED_BY(mutex_);
  mutable std::uint64_t lists_begun_ GUARDED_BY(mutex_) = 0;  // each has its number
  mutable std::uint64_t seen_by_ GUARDED_BY(mutex_) = 0;      // the list that seen_ is of
  mutable std::map<Name, Seen> seen_ GUARDED_BY(mutex_);
};

}  // namespace server::wal
