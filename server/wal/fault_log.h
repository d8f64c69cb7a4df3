#pragma once

#include <set>
#include <string>
#include <utility>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "server/wal/fault.h"
#include "server/wal/identity.h"

namespace server::wal {

// Logs each fault in the WAL once, however many readers meet it.
//   Owner: Server.  Thread: any.
//   Limits: one entry per fault; the entries of a segment go when its file changes.
class FaultLog {
 public:
  explicit FaultLog(const Identity& identity) : identity_(identity) {}

  // A warning with segment, offset, LSN and what is wrong, unless it has been given before.
  // `file_timeline` is that of the segment file in which the fault lies.
  void report(const Fault& fault, TimelineId file_timeline) EXCLUDES(mutex_);

  // The segment's file has changed: a fault in the new one is logged again.
  void forget(SegmentNo no) EXCLUDES(mutex_);

 private:
  const Identity identity_;
  runtime::Mutex mutex_;
  std::set<std::pair<Lsn, std::string>> reported_ GUARDED_BY(mutex_);
};

}  // namespace server::wal
