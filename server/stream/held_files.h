#pragma once

#include "runtime/intrusive_list.h"
#include "runtime/peer_place.h"
#include "server/wal/lsn.h"
#include "server/wal/pins.h"

namespace server::stream {

// Which WAL files keep their bytes for as long as this loop's streams like, and which streams have
// handed out pages of them. Other files may be recycled at any time, as those of a live pg_wal are.
//   Owner: WalView.  Thread: the loop's.
//   Borrows: the pins, which outlive it; the holds, which leave the list when they die.
class HeldFiles {
 public:
  // The hold of one stream, which has handed out pages of files.
  class Hold {
   public:
    Hold() : link_(*this) {}
    virtual ~Hold() = default;
    // Fewer files are held than before. The hold is off the list, and adds itself again if its
    // pages are still held.
    virtual void on_files_released() = 0;

   protected:
    void leave_list() { link_.unlink(); }

   private:
    friend class HeldFiles;
    runtime::ListLink<Hold> link_;
  };

  // How it is found out where the peer of a socket is.
  using FindPlace = runtime::PeerPlace (*)(int fd);

  explicit HeldFiles(wal::Pins& pins, FindPlace find_place = runtime::find_peer_place)
      : pins_(pins), find_place_(find_place) {}

  wal::Pins& pins() { return pins_; }
  // Whether the peer of a socket may have what is sent to it as pages of a file.
  bool may_share_pages(int fd) const { return find_place_(fd) != runtime::PeerPlace::kAway; }

  // Whether the file of the WAL at `lsn` keeps its bytes.
  bool is_held(wal::Lsn lsn) const { return lsn >= from_; }

  // Files are held from here on. If fewer are held than before, every hold that has handed out
  // pages is told, and adds itself again if its pages are still held.
  void hold_from(wal::Lsn from);

  // The hold is about to hand out pages.
  void add(Hold& hold);

 private:
  wal::Pins& pins_;
  const FindPlace find_place_;
  wal::Lsn from_;
  runtime::IntrusiveList<Hold> holds_;
};

}  // namespace server::stream
