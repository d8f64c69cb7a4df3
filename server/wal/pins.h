#pragma once

#include "runtime/annotations.h"
#include "runtime/check.h"
#include "runtime/intrusive_list.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "server/wal/lsn.h"

namespace server::wal {

// What the streams of all loops still need of files that another server would recycle, if a source
// did not hold it back: the source asks here how far that server may go. stream/page_hold.h says
// why it must not go further. Without such a source the pins are not heeded, and no stream has one.
//   Owner: Segments.  Thread: any. Streams begin and end seldom, so a mutex is enough; a pin moves
//   by one store.
//   Invariant: the horizon never goes back but by reset(), and advance() never moves it past a pin.
class Pins {
 public:
  // WAL from here on is needed by one stream.
  //   Owner: the stream's PageHold; the pins outlive it.  Thread: the owner's.
  //   Invariant: from() never goes back.
  class Pin {
   public:
    Pin(Pins& pins, Lsn from);
    ~Pin();
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

    void advance(Lsn from) {
      DCHECK(from >= from_.load());
      from_.store(from);
    }
    Lsn from() const { return from_.load(); }
    // The horizon when the pin was made, or when it was reset last: WAL before that may have been
    // recycled before the pin could hold it.
    Lsn held_from() const { return held_from_.load(); }

   private:
    friend class Pins;
    Pins& pins_;
    runtime::Published<Lsn> from_;
    runtime::Published<Lsn> held_from_;
    runtime::ListLink<Pin> link_;
  };

  // A source that holds files asks for the pins. To be called before the first stream.
  void heed() { heeded_ = true; }
  bool heeded() const { return heeded_; }

  // Files are held from here on, and no longer from where they were: the source has just got a slot
  // of the primary, or lost it (Lsn::max()).
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
