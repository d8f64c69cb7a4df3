#include "server/wal/flusher.h"

#include <utility>

#include "runtime/check.h"
#include "runtime/file.h"
#include "runtime/memory_report.h"

namespace server::wal {

using runtime::Result;

Flusher::Flusher(std::string directory, runtime::Duration quick_sync, const runtime::Clock& clock,
                 runtime::Doorbell& doorbell)
    : directory_(std::move(directory)),
      quick_sync_(quick_sync),
      clock_(clock),
      doorbell_(doorbell),
      loop_(clock, {}) {
  thread_ = std::make_unique<runtime::NamedThread>("walflusher",
                                                   [this](memctx::Context&) { loop_.run(); });
}

void Flusher::stop() {
  if (thread_ == nullptr) return;
  loop_.stop();
  thread_->join();
  thread_.reset();
}

Result<void> Flusher::start(Lsn flushed) {
  CHECK(!is_at_work());
  if (!directory_file_) directory_file_ = TRY(runtime::open_for_reading(directory_));
  requested_ = flushed;
  flushed_.store(flushed);
  return {};
}

// requested_ is beyond flushed() while a sync is under way, and for ever after one has failed.
void Flusher::request(SegmentOutput& output) {
  DCHECK(thread_ != nullptr);
  const Lsn written = output.end();
  if (requested_ > flushed() || written <= flushed()) return;
  requested_ = written;
  if (quick_syncs_ >= kQuickSyncs) return flush(output.take_unsynced(), written);
  loop_.mailbox().post([this, unsynced = output.take_unsynced(), written] {
    loop_.assert_in_thread();
    flush(unsynced, written);
    doorbell_.ring();
  });
}

void Flusher::finish(SegmentOutput& output) {
  if (thread_ == nullptr) return;
  while (is_at_work()) doorbell_.wait(/*fd=*/-1, /*events=*/0, kFinishLook);
  stop();
  if (failure() || output.end() <= flushed()) return;
  requested_ = output.end();
  flush(output.take_unsynced(), requested_);
}

std::optional<runtime::Error> Flusher::failure() const {
  const runtime::Lock lock(mutex_);
  return failure_;
}

void Flusher::log_memory_contexts() {
  loop_.mailbox().post([] { runtime::log_memory_contexts(); });
}

void Flusher::flush(const UnsyncedFiles& unsynced, Lsn written) {
  CHECK(written > flushed() && !unsynced.files.empty());
  const runtime::Instant begun = clock_.now();
  auto done = sync(unsynced);
  quick_syncs_ = clock_.now() - begun < quick_sync_ ? quick_syncs_ + 1 : 0;
  if (done) {
    flushed_.store(written);
  } else {
    const runtime::Lock lock(mutex_);
    failure_ = std::move(done).error();
  }
}

// The directory comes last: its sync makes the names of files durable that have their content.
Result<void> Flusher::sync(const UnsyncedFiles& unsynced) const {
  for (const OutputFileRef& file : unsynced.files) {
    TRY(runtime::sync_file(file->fd, file->path, runtime::SyncWhat::kData));
  }
  if (!unsynced.has_new_name) return {};
  return runtime::sync_file(directory_file_, directory_, runtime::SyncWhat::kAll);
}

}  // namespace server::wal
