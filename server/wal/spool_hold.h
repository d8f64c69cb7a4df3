#pragma once

#include <vector>

#include "runtime/published.h"
#include "server/wal/flusher.h"
#include "server/wal/holds.h"
#include "server/wal/lsn.h"

namespace server::wal {

// What a spool itself needs of its WAL: a record is proven from its begin on when it is whole, and
// a file that is to be synced must have its name.
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
             .why = "WAL is not on disk from here on",
             .from = flusher_.flushed(),
             .since = {}}};
  }
  // The flusher is at work whenever the disk is behind; and no limit can hurry it.
  void settle() override {}
  void release_before(Lsn /*oldest*/) override {}

 private:
  Holds& holds_;
  const Flusher& flusher_;
  runtime::Published<Lsn> proven_;
};

}  // namespace server::wal
