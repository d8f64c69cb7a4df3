#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "server/wal/growing_pages.h"

namespace server::wal {

// The pages of WAL that came from a primary, in the bytes that have just been written to a spool.
//   Owner: Writer.  Thread: the owner's; blocks on files only for pages that are not in hand.
//   Invariant: page_ is the page in which end_ lay before the last add(), as far as it has come.
//   The bytes in hand are exactly those of the spool's files: each byte was given to pwrite and to
//   add() from the same memory, pwrite has said that it took it, a byte of the spool is written
//   once, and whatever reads the file later is served from the page cache that pwrite has filled,
//   or, after a sync, from the disk. A sync that fails ends the server.
//   Limits: one page is kept from one add() to the next; the rest is borrowed.
//
//        page_                 message_
//   | kept | first part |     ... whole pages ... | last part |
//          ^ end_ before                                      ^ end_; the last part is kept next
class ReceivedPages final : public GrowingPages {
 public:
  ReceivedPages(std::string directory, SegmentSize segment_size)
      : directory_(std::move(directory)), segment_size_(segment_size) {}

  // The next WAL is to come at `position`. Of what lies before, nothing is in hand.
  void begin(const TimelineHistory& history, Lsn position) override;
  // `wal`, which goes on where the last call left off, is in the files. It is borrowed until
  // let_go(). REQUIRES: let_go() was called since the last add().
  void add(std::span<const std::byte> wal);
  void let_go();

  // Pages behind what has come are empty, and the last is short: as if the file ended there. Pages
  // before what is in hand are read from the files.
  PageView page(Lsn page) override;
  TimelineId file_timeline(SegmentNo no) const override { return files_->file_timeline(no); }
  bool bytes_are_final() const override { return true; }
  void look_again() override {}
  // The files are this process's own, and are never replaced.
  bool file_was_replaced(Lsn /*begin*/, Lsn /*end*/) override { return false; }

 private:
  std::optional<runtime::Error> read_kept_part();
  PageView page_in_file(Lsn page, std::size_t size);

  const std::string directory_;
  const SegmentSize segment_size_;
  std::optional<FilePages> files_;

  Lsn end_;         // of what has come
  Lsn page_begin_;  // of page_
  std::array<std::byte, kPageBytes> page_;
  std::size_t unread_bytes_ = 0;  // at the begin of page_, which are in the file only
  std::span<const std::byte> message_;
};

}  // namespace server::wal
