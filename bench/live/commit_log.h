#pragma once

#include <cstddef>
#include <vector>

#include "bench/live/schedule.h"
#include "runtime/mutex.h"
#include "server/wal/lsn.h"

namespace bench::live {

// What was committed when and where, for the parts that look at positions in the WAL.
//   Owner: LiveRun.  Thread: any.
//   Limits: 16 bytes for each commit of a run.
class CommitLog {
 public:
  struct Commit {
    WallNanos due;
    // The end of its stamp, behind which its commit record is the next: a server whose position is
    // larger has the commit, for it flushes and sends whole records but at the end of a page.
    server::wal::Lsn stamped;
  };

  void add(const Commit& commit) {
    const runtime::Lock lock(mutex_);
    commits_.push_back(commit);
  }
  // Appends those from `index` on to `commits`.
  void copy_from(std::size_t index, std::vector<Commit>& commits) const {
    const runtime::Lock lock(mutex_);
    if (index < commits_.size()) {
      commits.insert(commits.end(), commits_.begin() + static_cast<std::ptrdiff_t>(index),
                     commits_.end());
    }
  }

 private:
  mutable runtime::Mutex mutex_;
  std::vector<Commit> commits_ GUARDED_BY(mutex_);
};

}  // namespace bench::live
