#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/wal/inventory.h"
#include "server/wal/spool_mark.h"

namespace server::wal {

// A directory that walcast writes WAL into and removes WAL from, and nothing else does.
//   Owner: RelaySource or SyntheticSource.  Thread: the owner's; blocks on files. mark() is the
//   flusher's once the writer runs.
//   Invariant: before claim() no file is written or removed, and from then on the directory has
//   walcast's mark.
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
  // Says whose WAL the spool has, or will have. The mark is on disk when this returns, and so is
  // the directory's own name. REQUIRES: open().
  runtime::Result<void> claim(std::uint64_t system_identifier);

  // An error if WAL was kept here that is not to be found any more, for a spool without WAL.
  runtime::Result<void> check_empty() const;
  // Where the WAL of the spool ends, as the disk has it; all of it is synced then. An error that
  // names the file if that is before what was on disk for sure. REQUIRES: claim().
  runtime::Result<EndOfWal> find_end(const Inventory& inventory) const;

  // REQUIRES: claim().
  SpoolMark& mark() { return *mark_; }

 private:
  runtime::Result<void> check_unmarked() const;
  runtime::Result<void> drop_cached_end(const Inventory& inventory) const;
  runtime::Error damaged(const Inventory& inventory, const EndOfWal& end) const;
  Lsn kept_to() const { return mark_ ? mark_->content().kept_to : Lsn(); }

  const Options options_;
  runtime::UniqueFd lock_;
  std::optional<SpoolMark> mark_;
};

}  // namespace server::wal
