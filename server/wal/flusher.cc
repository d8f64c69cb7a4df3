#include "server/wal/flusher.h"

#include <utility>

#include "runtime/memory_report.h"
#include "server/wal/durable.h"
#include "server/wal/names.h"

namespace server::wal {

Flusher::Flusher(std::string directory, SegmentSize segment_size, const runtime::Clock& clock,
                 runtime::Doorbell& doorbell)
    : directory_(std::move(directory)),
      segment_size_(segment_size),
      doorbell_(doorbell),
      loop_(clock, {}) {
  thread_ = std::make_unique<runtime::NamedThread>("walflusher",
                                                   [this](memctx::Context&) { loop_.run(); });
}

Flusher::~Flusher() {
  loop_.stop();
  thread_->join();
}

void Flusher::start(Lsn flushed) {
  requested_ = flushed;
  flushed_.store(flushed);
}

void Flusher::request(TimelineId timeline, Lsn written) {
  if (requested_ > flushed() || written <= flushed()) return;
  requested_ = written;
  loop_.mailbox().post([this, timeline, written] { flush(timeline, written); });
}

std::optional<runtime::Error> Flusher::failure() const {
  const runtime::Lock lock(mutex_);
  return failure_;
}

void Flusher::log_memory_contexts() {
  loop_.mailbox().post([] { runtime::log_memory_contexts(); });
}

void Flusher::flush(TimelineId timeline, Lsn to) {
  loop_.assert_in_thread();
  if (auto done = sync_segments(timeline, flushed(), to); done) {
    flushed_.store(to);
  } else {
    const runtime::Lock lock(mutex_);
    failure_ = std::move(done).error();
  }
  doorbell_.ring();
}

runtime::Result<void> Flusher::sync_segments(TimelineId timeline, Lsn from, Lsn to) const {
  const SegmentNo last = segment_size_.segment_of(to - 1);
  for (SegmentNo no = segment_size_.segment_of(from); no <= last; no = next(no)) {
    const std::string path = directory_ + "/" + segment_name(timeline, no, segment_size_);
    TRY(sync_file(path, SyncWhat::kData));
  }
  const bool has_new_file =
      segment_size_.offset(from) == 0 || segment_size_.segment_of(from) != last;
  return has_new_file ? sync_file(directory_) : runtime::Result<void>();
}

}  // namespace server::wal
