#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "runtime/annotations.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "runtime/socket.h"
#include "runtime/timer.h"
#include "server/stream/connection.h"
#include "server/stream/held_files.h"
#include "server/wal/pins.h"
#include "server/wal/segment.h"

namespace server::stream {

// Whether pages of WAL files may be in one connection's socket, and what keeps the files as they
// are until the pages have left it.
//   Owner: Sender.  Thread: the session's loop.
//   Borrows: the loop, its held files, the connection and the owner, which all outlive it.
//   Invariant: pin.held_from <= WAL of every page that is handed out; pin.from <= that of every
//   page in the socket. A pin never goes back, and outlives its stream as long as there are pages.
//
// Attached to a primary, a page could be overwritten on its way to the standby like this:
//   1. sendfile puts a page of segment 5 into the socket. No byte is copied: the socket refers to
//      the page of the page cache until the peer's TCP has acknowledged it.
//   2. The standby does not read, and TCP keeps the page.
//   3. The primary no longer needs segment 5, renames its file to segment 9, and writes new WAL.
//   4. The standby reads on, and TCP sends it bytes of segment 9 as those of segment 5.
// Each step before the last has a bar:
//   1. Only pages of files that the primary's slot held already when the pin was made are handed
//      out, and none to a peer that may share this kernel's memory (runtime/peer_place.h), whose
//      receive queue would still refer to the file after TCP's acknowledgement (may_send_pages).
//   2. The pin is at the oldest page that the kernel (SIOCOUTQ) says is not acknowledged, whatever
//      the standby reports (advance), also after the stream has ended (end).
//   3. The source keeps the primary's slot at the oldest of all pins (wal/pins.h), so the primary
//      does not recycle segment 5 while the slot is the source's.
//   4. When the slot is lost, the connection is reset while pages are in its socket, which throws
//      them away (on_files_released), and so it is when this process ends, however it does.
//      Between the loss and the reset nothing is overwritten: the slot must be dropped, a
//      checkpoint must end, and the segments that it recycled before must be filled first.
class PageHold final : private HeldFiles::Hold,
                       private Connection::CloseListener,
                       private runtime::Timer::Handler {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // Pages in the socket may be overwritten from now on, so the connection must be closed, which
    // takes them back. It may be that their stream has ended.
    virtual void on_pages_released() = 0;
  };

  PageHold(runtime::Loop& loop, HeldFiles& files, Connection& connection, Owner& owner);
  ~PageHold() override;
  PageHold(const PageHold&) = delete;
  PageHold& operator=(const PageHold&) = delete;

  // A stream begins, or has ended.
  void begin(wal::Lsn start);
  void end();

  // Whether the file of the WAL at `lsn` keeps its bytes for as long as the stream needs it. If
  // not, its bytes are copied, and its name is looked up behind the copy.
  bool is_held(wal::Lsn lsn) const {
    loop_.assert_in_thread();
    return files_.is_held(lsn) && (pin_ == nullptr || lsn >= pin_->held_from());
  }
  bool may_send_pages(wal::Lsn lsn) const {
    loop_.assert_in_thread();
    return is_held(lsn) && !(pin_ != nullptr && shares_pages_);
  }
  // Hands out pages of [from, to). REQUIRES: may_send_pages(from) in this turn, and they lie in the
  // segment. If the slot has been lost since, on_files_released() comes and finds them.
  runtime::IoResult send_pages(const wal::Segment& segment, wal::Lsn from, wal::Lsn to);

  // WAL up to `written` is in the socket or was, and the standby says that it has what comes before
  // `acknowledged`; it may ask again for anything else.
  void advance(wal::Lsn written, wal::Lsn acknowledged);

 private:
  // The time between two looks whether pages of a stream that has ended are still in the socket.
  static constexpr runtime::Duration kUnpinInterval = std::chrono::milliseconds(100);

  std::optional<wal::Lsn> oldest_page() REQUIRES(loop_);
  void on_files_released() override;
  void before_close() override;
  void on_timer(runtime::Timer& timer) override;
  void set_reset_on_close(bool resets) REQUIRES(loop_);

  runtime::Loop& loop_;
  HeldFiles& files_;
  Connection& connection_;
  Owner& owner_;

  // Where pins are heeded, and until the last page has left the socket.
  std::unique_ptr<wal::Pins::Pin> pin_ GUARDED_BY(loop_);
  // The peer may have what is sent to it as pages of a file; known with a pin.
  bool shares_pages_ GUARDED_BY(loop_) = false;
  // Whether a close throws away what is in the socket, if there are pages: the peer sees a reset.
  // Else what was sent still arrives.
  bool takes_pages_back_ GUARDED_BY(loop_) = false;
  // What the socket has been told. From the first page on it is to reset: a process that is killed
  // is asked no more.
  bool resets_on_close_ GUARDED_BY(loop_) = false;
  // Of all bytes written to the socket, these came before the end of the last page, and that page
  // ended at pages_end_ in the WAL. 0: no pages are in the socket.
  std::uint64_t pages_to_ GUARDED_BY(loop_) = 0;
  wal::Lsn pages_end_ GUARDED_BY(loop_);
  // The same bound for the pages of earlier streams on this connection. They may be of any WAL, so
  // there is no position beside it.
  std::uint64_t older_pages_to_ GUARDED_BY(loop_) = 0;
  runtime::Timer unpin_timer_ GUARDED_BY(loop_);
};

}  // namespace server::stream
