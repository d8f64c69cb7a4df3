#include "server/wal/flusher.h"

#include <utility>

#include "runtime/log.h"
#include "runtime/memory_report.h"
#include "server/wal/files.h"
#include "server/wal/names.h"

namespace server::wal {

Flusher::Flusher(std::string directory, SegmentSize segment_size, const runtime::Clock& clock,
                 runtime::Doorbell& doorbell)
    : directory_(std::move(directory)),
      segment_size_(segment_size),
      doorbell_(doorbell),
      loop_(clock, {}),
      retry_timer_(loop_.timers(), *this) {
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
  loop_.mailbox().post([this, timeline, written] {
    loop_.assert_in_thread();
    timeline_ = timeline;
    to_ = written;
    flush();
  });
}

std::optional<runtime::Error> Flusher::failure() const {
  const runtime::Lock lock(mutex_);
  return failure_;
}

void Flusher::log_memory_contexts() {
  loop_.mailbox().post([] { runtime::log_memory_contexts(); });
}

void Flusher::on_timer(runtime::Timer& /*timer*/) {
  loop_.assert_in_thread();
  flush();
}

// All is opened before anything is synced: until then it may be tried again.
void Flusher::flush() {
  const auto files = open_files();
  if (!files && is_out_of_resources(files.error())) {
    if (!std::exchange(wait_logged_, true)) {
      runtime::log::error("{}; making WAL durable waits", files.error().what);
    }
    return retry_timer_.arm(loop_.now() + kRetryInterval);
  }
  wait_logged_ = false;
  const auto sync_all = [&]() -> runtime::Result<void> {
    if (!files) return files.error();
    for (const OpenFile& file : *files) TRY(sync_file(file.fd, file.path, file.what));
    return {};
  };
  if (auto done = sync_all(); done) {
    flushed_.store(to_);
  } else {
    const runtime::Lock lock(mutex_);
    failure_ = std::move(done).error();
  }
  doorbell_.ring();
}

// The segments, and the directory if there is a new one.
runtime::Result<std::vector<Flusher::OpenFile>> Flusher::open_files() const {
  std::vector<OpenFile> files;
  const auto open = [&files](std::string path, SyncWhat what) -> runtime::Result<void> {
    runtime::UniqueFd fd = TRY(open_for_reading(path));
    files.push_back({std::move(path), std::move(fd), what});
    return {};
  };
  const Lsn from = flushed();
  const SegmentNo last = segment_size_.segment_of(to_ - 1);
  for (SegmentNo no = segment_size_.segment_of(from); no <= last; no = next(no)) {
    TRY(open(directory_ + "/" + segment_name(timeline_, no, segment_size_), SyncWhat::kData));
  }
  const bool has_new_file =
      segment_size_.offset(from) == 0 || segment_size_.segment_of(from) != last;
  if (has_new_file) TRY(open(directory_, SyncWhat::kAll));
  return files;
}

}  // namespace server::wal
