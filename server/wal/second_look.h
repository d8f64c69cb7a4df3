#pragma once

#include <chrono>

#include "runtime/clock.h"

namespace server::wal {

// When a record that was found wrong is worth reading again. Whatever waits for it to be repaired
// asks often: a source for each event of its directory, a loop every five seconds for each slice.
// One of 1 GB takes a second to read, so reading it for each of them would take all of a thread's
// time. Behind a reading is a pause, a multiple of what it took:
//
//   read       [===]            [===]                             [===]
//   asked for   | |  |  |   |   |    |    |     |     |     |     |
//                    `a short pause: a file has changed  `a long one: none has
//
// The long pause has an end, since a disk may be repaired below the file system, and a file be
// written to twice within one tick of the clock by which files are stamped.
//   Owner: Reader; WrongRecords, for each record; a value.  Thread: the owner's.
class SecondLook {
 public:
  // A reading that was shorter may be repeated at will.
  static constexpr runtime::Duration kQuick = std::chrono::milliseconds(2);
  static constexpr int kPausesIfChanged = 4;
  static constexpr int kPausesIfNot = 100;

  SecondLook(runtime::Instant ended, runtime::Duration took) : ended_(ended), took_(took) {}

  bool is_quick() const { return took_ < kQuick; }
  // Whatever the files are like now.
  bool is_due(runtime::Instant now) const {
    return is_quick() || now >= ended_ + kPausesIfNot * took_;
  }
  // If a file of what was read is another now, or was written to.
  bool is_due_if_changed(runtime::Instant now) const {
    return is_quick() || now >= ended_ + kPausesIfChanged * took_;
  }

 private:
  runtime::Instant ended_;
  runtime::Duration took_;
};

}  // namespace server::wal
