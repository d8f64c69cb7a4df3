#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/wal/inventory.h"
#include "server/wal/segment_names.h"
#include "server/wal/spool_mark.h"

namespace server::wal {

// A directory that walcast writes WAL into and removes WAL from, and nothing else does.
//   Owner: RelaySource or SyntheticSource.  Thread: the owner's; blocks on files. mark() is the
//   writer's once there is one.
//   Invariant: without walcast's mark, which claim() makes, no file is written or removed.
class Spool {
 public:
  struct Options {
    std::string directory;
    SpoolWriter writer = SpoolWriter::kReceiver;
    // A directory that has WAL and no mark becomes a spool: one of a walcast that made no marks.
    bool adopt = false;
  };

  explicit Spool(Options options) : options_(std::move(options)) {}

  // Takes the directory for this process, and makes it if just its last part is missing. Refuses
  // what may be of use to another program: a data directory of PostgreSQL's and what lies in one, a
  // spool that another kind of source writes, and, unless it is adopted, a directory that has files
  // and no mark.
  runtime::Result<void> open();
  // The same for a directory that is there, by an object that only tells what a start would do: the
  // directory is not taken, and nothing in it changes.
  runtime::Result<void> look();
  // Says whose WAL the spool has, or will have. The mark is on disk when this returns, and so is
  // the directory's own name. REQUIRES: open().
  runtime::Result<void> claim(std::uint64_t system_identifier);
  // An error if claim() would refuse the WAL of this system. REQUIRES: open() or look().
  runtime::Result<void> check_system(std::uint64_t system_identifier) const;

  // What a start finds of WAL, and what it makes of it.
  struct Inspection {
    // kNoWal: there is none, or none is left. kForeignWal: it is not of the mark's system, so the
    // mark says nothing of it. kDataCorrupted: a segment between two others is missing below what
    // was on disk for sure; the error names it.
    runtime::Result<Inventory> inventory;
    // Segments before these are WAL that had been removed, and that a crash has brought back. What
    // comes behind them lies behind a gap: beyond what was on disk for sure, a crash may have kept
    // a segment's name and lost an earlier one's. None: all segments are in place.
    std::optional<SegmentBounds> in_place = {};
  };
  // Changes nothing, as look(). REQUIRES: open() or look().
  Inspection inspect() const;
  // What the spool has. Removes what a crash has brought back, and sets aside what lies behind a
  // gap; if there is an error of the inspection's but kNoWal, nothing. REQUIRES: open().
  runtime::Result<Inventory> take_inventory() const;
  // An error if WAL was kept here that is not to be found any more, for a spool without WAL.
  runtime::Result<void> check_empty() const;
  // Where the WAL of the spool ends, as the disk has it; all of it is synced then, and the mark
  // says so. An error that names the file if that is before what was on disk for sure. REQUIRES:
  // claim().
  runtime::Result<EndOfWal> find_end(const Inventory& inventory);
  // An error if find_end() would refuse the end that was found. REQUIRES: open() or look().
  runtime::Result<void> check_end(const Inventory& inventory, const EndOfWal& end) const;

  // REQUIRES: claim().
  SpoolMark& mark() { return *mark_; }

 private:
  runtime::Result<void> read_mark();
  runtime::Result<void> check_unmarked() const;
  bool is_behind_a_gap(const Inventory& inventory) const;
  runtime::Result<void> set_aside_from(SegmentNo from, SegmentSize size) const;
  runtime::Error lacking(const Inventory& inventory) const;
  runtime::Result<void> drop_cached_end(const Inventory& inventory) const;
  runtime::Error damaged(const Inventory& inventory, const EndOfWal& end) const;
  Lsn kept_from() const { return mark_ ? mark_->content().kept_from : Lsn(); }
  Lsn kept_to() const { return mark_ ? mark_->content().kept_to : Lsn(); }

  const Options options_;
  runtime::UniqueFd lock_;
  std::optional<SpoolMark> mark_;
};

}  // namespace server::wal
