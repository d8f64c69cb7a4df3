#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/fd.h"
#include "runtime/loop.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "runtime/result.h"
#include "runtime/thread.h"
#include "runtime/timer.h"
#include "server/wal/durable.h"
#include "server/wal/lsn.h"

namespace server::wal {

// Makes WAL durable that somebody else writes, on a thread of its own, named "walflusher": one sync
// after another, each of all that was written when it began.
//   Owner: the writer.  Thread: the writer's; flushed() and failure() are for any.
//   Borrows: the doorbell, which rings when flushed() has moved, or a sync has failed.
//   Invariant: the WAL before flushed() is on disk, and so is the name of each of its files.
// A sync that has failed is not tried again: the kernel may have dropped what it could not write,
// and the next one would succeed all the same (PostgreSQL panics for that reason). One that has not
// begun, for want of a descriptor, is.
class Flusher final : private runtime::Timer::Handler {
 public:
  Flusher(std::string directory, SegmentSize segment_size, const runtime::Clock& clock,
          runtime::Doorbell& doorbell);
  ~Flusher() override;

  // WAL up to here is durable already, and what follows is not. REQUIRES: not is_at_work().
  void start(Lsn flushed);
  // Asks for the WAL of `timeline` up to `written`, unless it is at work: then ask again when the
  // doorbell has rung. REQUIRES: the WAL from flushed() to `written` is in files of this timeline.
  void request(TimelineId timeline, Lsn written);

  // Whether a sync was asked for and neither is done nor has failed. The doorbell rings then.
  bool is_at_work() const { return requested_ > flushed() && !failure().has_value(); }
  Lsn flushed() const { return flushed_.load(); }
  // Why it does not go on; none if it does.
  std::optional<runtime::Error> failure() const EXCLUDES(mutex_);
  // Its thread does, as soon as it is free. Any thread may ask.
  void log_memory_contexts();

 private:
  struct OpenFile {
    std::string path;
    runtime::UniqueFd fd;
    SyncWhat what;
  };
  static constexpr runtime::Duration kRetryInterval = std::chrono::milliseconds(200);

  void on_timer(runtime::Timer& timer) override;
  void flush() REQUIRES(loop_);
  runtime::Result<std::vector<OpenFile>> open_files() const REQUIRES(loop_);

  const std::string directory_;
  const SegmentSize segment_size_;
  runtime::Doorbell& doorbell_;
  runtime::Published<Lsn> flushed_;
  Lsn requested_;  // beyond flushed_: it is at work, or has failed
  mutable runtime::Mutex mutex_;
  std::optional<runtime::Error> failure_ GUARDED_BY(mutex_);
  runtime::Loop loop_;
  runtime::Timer retry_timer_ GUARDED_BY(loop_);
  TimelineId timeline_ GUARDED_BY(loop_){};
  Lsn to_ GUARDED_BY(loop_);
  bool wait_logged_ GUARDED_BY(loop_) = false;
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::wal
