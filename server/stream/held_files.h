#pragma once

#include "runtime/intrusive_list.h"
#include "server/wal/lsn.h"
#include "server/wal/pins.h"

namespace server::stream {

class PageHold;

// Which WAL files keep their bytes for as long as this loop's streams like, and which streams have
// handed out pages of them. Other files may be recycled at any time, as those of a live pg_wal are.
//   Owner: WalView.  Thread: the loop's.
//   Borrows: the pins, which outlive it; the holds, which leave the list when they die.
class HeldFiles {
 public:
  explicit HeldFiles(wal::Pins& pins) : pins_(pins) {}

  wal::Pins& pins() { return pins_; }

  // Whether the file of the WAL at `lsn` keeps its bytes.
  bool is_held(wal::Lsn lsn) const { return lsn >= from_; }

  // Files are held from here on. If fewer are held than before, every hold that has handed out
  // pages is told, and adds itself again if its pages are still held.
  void hold_from(wal::Lsn from);

  // The hold is about to hand out pages.
  void add(PageHold& hold);

 private:
  wal::Pins& pins_;
  wal::Lsn from_;
  runtime::IntrusiveList<PageHold> holds_;
};

}  // namespace server::stream
