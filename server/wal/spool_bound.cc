#include "server/wal/spool_bound.h"

#include <utility>

#include "runtime/check.h"
#include "runtime/file.h"
#include "runtime/log.h"

namespace server::wal {

using runtime::Result;

namespace {

// A mark that cannot be written says less than it could, which harms no WAL.
void warn_of(const Result<void>& said) {
  if (!said) runtime::log::warning("{}", said.error().what);
}

}  // namespace

SpoolBound::SpoolBound(SpoolMark* mark, runtime::Duration interval, SetAside set_aside,
                       SegmentSize segment_size, const runtime::Clock& clock,
                       const Flusher& flusher)
    : mark_(mark),
      interval_(interval),
      set_aside_(std::move(set_aside)),
      segment_size_(segment_size),
      clock_(clock),
      flusher_(flusher),
      kept_(mark == nullptr ? Lsn() : mark->content().kept_to),
      loop_(clock, {}) {
  if (mark_ == nullptr) return;
  thread_ = std::make_unique<runtime::NamedThread>("spoolmark",
                                                   [this](memctx::Context&) { loop_.run(); });
}

SpoolBound::~SpoolBound() { end_thread(); }

void SpoolBound::on_sync_asked(Lsn proven, Lsn written, const TimelineHistory& history) {
  DCHECK(!flusher_.is_at_work() && proven <= written);
  safe_ = flusher_.flushed() == written ? proven : asked_;
  DCHECK(safe_ <= flusher_.flushed());
  asked_ = proven;
  if (mark_ != nullptr && safe_ > kept_) keep(safe_, history);
}

// While a sync is under way, its end has the writer ask for the next one.
runtime::Instant SpoolBound::due() const {
  const bool is_behind = mark_ != nullptr && asked_ > kept_ && !flusher_.is_at_work();
  return is_behind ? kept_at_ + interval_ : runtime::Instant::max();
}

// The WAL that was set aside at an earlier start has been received again up to here.
void SpoolBound::keep(Lsn safe, const TimelineHistory& history) {
  const runtime::Instant now = clock_.now();
  if (now - kept_at_ < interval_) return;
  kept_at_ = now;
  if (at_work_.load()) return;  // a slow disk has another interval for it
  kept_ = safe;
  at_work_.store(true);
  loop_.mailbox().post([this, safe, &history] {
    loop_.assert_in_thread();
    const auto said = say(Lsn(), safe);
    warn_of(said ? set_aside_.remove_before(segment_size_.segment_of(safe), history, segment_size_)
                 : said);
    at_work_.store(false);
  });
}

Result<void> SpoolBound::let_go_before(SegmentNo no) {
  if (mark_ == nullptr) return {};
  auto said = say(segment_size_.start(no), safe_);
  if (said || !runtime::is_full_disk(said.error())) return said;
  warn_of(said);
  return {};
}

void SpoolBound::finish(Lsn proven) {
  DCHECK(proven <= flusher_.flushed());
  end_thread();
  if (mark_ != nullptr) warn_of(say(Lsn(), proven));
}

Result<void> SpoolBound::say(Lsn from, Lsn to) {
  const runtime::Lock disk(disk_);
  return mark_->keep(from, to);
}

void SpoolBound::end_thread() {
  if (thread_ == nullptr) return;
  loop_.stop();
  thread_->join();
}

}  // namespace server::wal
