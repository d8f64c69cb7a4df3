#pragma once

#include "server/wal/pages.h"

namespace server::wal {

// Pages of WAL that grows while a Reader follows it.
class GrowingPages : public PageSource {
 public:
  // Begins along `history` at `position`: all before it was published, or is of no interest.
  virtual void begin(const TimelineHistory& history, Lsn position) = 0;
  // WAL that has come since the last look is to be seen.
  virtual void look_again() = 0;
  // The WAL of [begin, end) was read, and is published next. Returns whether the file of its first
  // segment is another one than that in which the WAL before `begin` was published.
  virtual bool file_was_replaced(Lsn begin, Lsn end) = 0;
  // Whether a file of what was read since look_again(), and is not published, is another now, or
  // was written to. Yes where that is not known.
  virtual bool have_changed() const { return true; }
};

}  // namespace server::wal
