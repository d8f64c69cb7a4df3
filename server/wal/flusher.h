#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/fd.h"
#include "runtime/loop.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "runtime/result.h"
#include "runtime/thread.h"
#include "server/wal/lsn.h"
#include "server/wal/segment_output.h"

namespace server::wal {

// Makes durable what a SegmentOutput has written, on a thread of its own, named "walflusher": one
// sync after another, each of all that was written when it was asked for. It opens, closes and
// looks up nothing per sync: the files come with the descriptors that wrote them.
//   Owner: the writer.  Thread: the writer's; flushed() and failure() are for any.
//   Borrows: the doorbell, which rings when flushed() has moved, or a sync has failed.
//   Invariant: the WAL before flushed() is on disk, and so is the name of each of its files.
// A sync that has failed is not tried again: the kernel may have dropped what it could not write,
// and the next sync would succeed all the same (PostgreSQL panics for that reason).
class Flusher {
 public:
  Flusher(std::string directory, const runtime::Clock& clock, runtime::Doorbell& doorbell);
  ~Flusher();
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  // WAL up to `flushed` is durable already, and what follows is not. The first call opens the
  // directory, and may fail. REQUIRES: not is_at_work().
  runtime::Result<void> start(Lsn flushed);
  // Asks for all that `output` has written to be made durable. Does nothing while the flusher is at
  // work: the caller asks again when the doorbell has rung. REQUIRES: what lies between flushed()
  // and the end of `output` was written by `output`, and only the flusher takes its unsynced files.
  void request(SegmentOutput& output);

  // Whether a sync was asked for and neither is done nor has failed. The doorbell rings then.
  bool is_at_work() const { return requested_ > flushed() && !failure().has_value(); }
  Lsn flushed() const { return flushed_.load(); }
  // Why it does not go on; none if it does.
  std::optional<runtime::Error> failure() const EXCLUDES(mutex_);
  // Its thread does, as soon as it is free. Any thread may ask.
  void log_memory_contexts();

 private:
  void flush(const UnsyncedFiles& unsynced, Lsn written) REQUIRES(loop_);
  runtime::Result<void> sync(const UnsyncedFiles& unsynced) const;

  const std::string directory_;
  runtime::UniqueFd directory_file_;  // from the first start() on
  runtime::Doorbell& doorbell_;
  runtime::Published<Lsn> flushed_;
  Lsn requested_;  // beyond flushed_: it is at work, or has failed
  mutable runtime::Mutex mutex_;
  std::optional<runtime::Error> failure_ GUARDED_BY(mutex_);
  runtime::Loop loop_;
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::wal
