#pragma once

#include <vector>

#include "runtime/published.h"
#include "server/wal/flusher.h"
#include "server/wal/holds.h"
#include "server/wal/lsn.h"

namespace server::wal {

// What a spool itself needs of its WAL. Without it, and with no slot and no wal_keep_size:
//   1. The end of WAL comes to segment 7. Nothing before the current segment is kept, so segment 6
//      is removed, whose last part is not on disk yet.
//   2. The host crashes, and the disk has neither 6 nor 7.
//   3. The primary was told that WAL up to the middle of 6 is safe here, and no longer has it.
// A record that began in 6 and is not whole could not be proven after a restart either. And where
// all WAL ends with 6 and is on disk, 6 is all that says so until 7 is there: so it is the last
// byte on disk that is held, and not the next one.
//   Owner: Writer, which says how far records are proven.  Thread: any asks.
//   Borrows: the holds and the flusher.
class SpoolHold final : public Holder {
 public:
  SpoolHold(Holds& holds, const Flusher& flusher) : holds_(holds), flusher_(flusher) {
    holds_.add(*this);
  }
  ~SpoolHold() override { holds_.remove(*this); }
  SpoolHold(const SpoolHold&) = delete;
  SpoolHold& operator=(const SpoolHold&) = delete;

  void set_proven(Lsn proven) { proven_.store(proven); }

  std::vector<Hold> holds() const override {
    return {{.who = "spool",
             .why = "WAL is not proven from here on",
             .from = proven_.load(),
             .since = {}},
            {.who = "spool",
             .why = "WAL is not on disk behind this",
             .from = before(flusher_.flushed()),
             .since = {}}};
  }
  // The flusher is at work whenever the disk is behind; and no limit can hurry it.
  void settle() override {}
  void release_before(Lsn /*oldest*/) override {}

 private:
  static Lsn before(Lsn lsn) { return lsn.valid() ? lsn - 1 : lsn; }

  Holds& holds_;
  const Flusher& flusher_;
  runtime::Published<Lsn> proven_;
};

}  // namespace server::wal
