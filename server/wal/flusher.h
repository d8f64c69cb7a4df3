#pragma once

#include <chrono>
#include <cstdint>
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

// Makes durable what a SegmentOutput has written: one sync after another, each of all that was
// written when it was asked for. It opens, closes and looks up nothing per sync: the files come
// with the descriptors that wrote them.
//
// A disk takes milliseconds for a sync, in which the writer has better things to do, so syncs have
// a thread of their own, named "walflusher". Where the last kQuickSyncs took less than quick_sync
// each, as with a write cache that survives a loss of power, two wake-ups of threads cost more than
// the sync: the writer's thread makes the next one itself, until one is slow again.
//   Owner: the writer.  Thread: the writer's; flushed() and failure() are for any.
//   Borrows: the doorbell, which rings when flushed() has moved, or a sync has failed.
//   Invariant: the WAL before flushed() is on disk, and so is the name of each of its files.
// A sync that has failed is not tried again: the kernel may have dropped what it could not write,
// and the next sync would succeed all the same (PostgreSQL panics for that reason).
class Flusher {
 public:
  // A sync that takes less than `quick_sync` may be made on the writer's thread; 0: none is.
  Flusher(std::string directory, runtime::Duration quick_sync, const runtime::Clock& clock,
          runtime::Doorbell& doorbell);
  ~Flusher() { stop(); }
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  // WAL up to `flushed` is durable already, and what follows is not. The first call opens the
  // directory, and may fail. REQUIRES: not is_at_work().
  runtime::Result<void> start(Lsn flushed);
  // Asks for all that `output` has written to be made durable, which is so at once where syncs are
  // quick. Does nothing while the flusher is at work: the caller asks again when the doorbell has
  // rung. REQUIRES: what lies between flushed() and the end of `output` was written by `output`,
  // and only the flusher takes its unsynced files.
  void request(SegmentOutput& output);

  // Makes durable all that `output` has written, and returns when that is so, or has failed; it may
  // hang with the disk. The flusher is asked for nothing more, and a second call does nothing.
  // REQUIRES: nothing else waits for the doorbell any more.
  void finish(SegmentOutput& output);

  // Whether a sync was asked for and neither is done nor has failed. The doorbell rings then.
  bool is_at_work() const { return requested_ > flushed() && !failure().has_value(); }
  Lsn flushed() const { return flushed_.load(); }
  // Why it does not go on; none if it does.
  std::optional<runtime::Error> failure() const EXCLUDES(mutex_);
  // Its thread does, as soon as it is free. Any thread may ask.
  void log_memory_contexts();

 private:
  static constexpr std::uint32_t kQuickSyncs = 8;
  // The doorbell wakes finish(); this is how often it looks without.
  static constexpr runtime::Duration kFinishLook = std::chrono::seconds(1);

  void stop();
  void flush(const UnsyncedFiles& unsynced, Lsn written);
  runtime::Result<void> sync(const UnsyncedFiles& unsynced) const;

  const std::string directory_;
  const runtime::Duration quick_sync_;
  const runtime::Clock& clock_;
  runtime::UniqueFd directory_file_;  // from the first start() on
  runtime::Doorbell& doorbell_;
  runtime::Published<Lsn> flushed_;
  Lsn requested_;  // beyond flushed_: it is at work, or has failed
  // How many of the last syncs were quick. The thread that syncs writes it before flushed_, and the
  // writer's thread reads it behind that.
  std::uint32_t quick_syncs_ = 0;
  mutable runtime::Mutex mutex_;
  std::optional<runtime::Error> failure_ GUARDED_BY(mutex_);
  runtime::Loop loop_;
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::wal
