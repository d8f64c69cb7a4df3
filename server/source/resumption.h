#pragma once

#include <cstddef>
#include <vector>

#include "server/wal/lsn.h"
#include "server/wal/spool_positions.h"

namespace server::source {

// Where a relay's next stream begins. A spool may end in pages of a record that is not whole: they
// are written, and not proven. The primary has heard that they are on disk, and its slot may keep
// no WAL before them:
//   1. A record begins in segment 5. The spool has its pages up to the middle of segment 7, all
//      synced. The primary moves its slot there, and removes segments 5 and 6.
//   2. The relay starts again. The record is proven to begin in 5, and no further.
//   3. A stream from there would be refused for ever. One from 7 on goes on with the record.
// So the pages stay in the spool until WAL has come that takes their place, and the stream begins
// behind them, unless the primary cannot have them or they have been found wrong.
//
//   | segment 5            | segment 6        | segment 7           |
//   ... A | record B, its first part, and pages of its rest | nothing
//         ^ proven         ^ first choice     ^ second      ^ written
//
// The picture is of a restart after a crash. Pages of the last segment's worth may not have reached
// the disk, though those before them and behind them have. What the primary has heard of did reach
// it, so WAL from the oldest of the two segments that the primary still has is received again.
//   Owner: RelaySource.  Thread: the receiver's.
//   Invariant: proven <= begin() <= written.
class Resumption {
 public:
  // The spool was found with these positions, and nothing of it is known to be untorn behind
  // `proven` but by what the primary keeps.
  void restart(const wal::SpoolPositions& spool, wal::SegmentSize size);
  // A connection is made. Where the primary has less WAL than the next stream would begin behind,
  // or other WAL from there on, `shared` is how much it shares with the spool: the stream of this
  // connection begins where the spool is proven.
  void connect(const wal::SpoolPositions& spool, wal::Lsn shared);
  // The stream runs, and was not refused at once.
  void on_stream() { streams_ = true; }
  // WAL has come, and is written at begin(): the stream goes on where the spool ends.
  void on_wal(const wal::SpoolPositions& spool);
  // The spool ends where it is proven.
  void on_rewound() { *this = {}; }

  enum class Loss {
    kLost,     // or whatever says nothing of the WAL
    kRefused,  // by the primary
    kWrong,    // what has come does not continue what is proven
  };
  // The connection has ended.
  void on_lost(const wal::SpoolPositions& spool, Loss loss);

  // Where the next stream begins; while one runs, where the next of its WAL belongs.
  wal::Lsn begin(const wal::SpoolPositions& spool) const;

 private:
  bool has_wal() const { return began_.valid(); }

  std::vector<wal::Lsn> choices_;  // empty: where the spool ends
  std::size_t choice_ = 0;
  bool from_proven_ = false;  // on this connection
  bool streams_ = false;
  wal::Lsn began_;  // where the first WAL of this connection was written; invalid: none has come
};

}  // namespace server::source
