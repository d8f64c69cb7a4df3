#pragma once

#include "runtime/annotations.h"
#include "runtime/intrusive_list.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "server/wal/lsn.h"

namespace server::wal {

// Which WAL streams still need of files that somebody else would recycle, if he were not held back
// to the oldest of it. A source that does so heeds the pins; where nobody does, they cost nothing.
//   Owner: Segments.  Thread: any. Streams begin and end seldom, so a mutex is enough; a pin moves
//   by one store.
//   Invariant: the horizon never passes a pin that was at or behind it from the start.
class Pins {
 public:
  // WAL from here on is needed by one stream.
  //   Owner: the stream; lives no longer than the pins.  Thread: the owner's.
  class Pin {
   public:
    Pin(Pins& pins, Lsn from);
    ~Pin();
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

    // Never back.
    void advance(Lsn from) { from_.store(from); }
    Lsn from() const { return from_.load(); }
    // The horizon when the pin was made, or reset since: WAL before that is not held, whatever is
    // said elsewhere.
    Lsn held_from() const { return held_from_.load(); }

   private:
    friend class Pins;
    Pins& pins_;
    runtime::Published<Lsn> from_;
    runtime::Published<Lsn> held_from_;
    runtime::ListLink<Pin> link_;
  };

  // Before the first stream: somebody does.
  void heed() { heeded_ = true; }
  bool heeded() const { return heeded_; }

  // Files are held from here on. To be called when others are held than before.
  void reset(Lsn horizon) EXCLUDES(mutex_);
  // Moves the horizon as far as the pins let it, up to `limit`, never back. Returns where it is.
  Lsn advance(Lsn limit) EXCLUDES(mutex_);

 private:
  bool heeded_ = false;
  runtime::Mutex mutex_;
  Lsn horizon_ GUARDED_BY(mutex_) = Lsn::max();
  runtime::IntrusiveList<Pin> pins_ GUARDED_BY(mutex_);
};

}  // namespace server::wal
