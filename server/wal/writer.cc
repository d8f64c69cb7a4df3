#include "server/wal/writer.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/durable_file.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/wal/set_aside.h"

namespace server::wal {

using runtime::format;
using runtime::Result;

namespace {

Holds& holds_of(const RetentionOptions& retention) {
  CHECK(retention.holds != nullptr);
  return *retention.holds;
}

}  // namespace

Writer::Writer(Options options, const runtime::Clock& clock, WalTail& tail,
               runtime::Doorbell& doorbell)
    : directory_(options.directory),
      identity_(options.identity),
      clock_(clock),
      tail_(tail),
      pages_(options.directory, identity_.segment_size),
      reader_(pages_, identity_, clock, tail),
      flusher_(options.directory, options.quick_sync, clock, doorbell),
      bound_(options.mark, options.mark_interval, SetAside(options.directory),
             identity_.segment_size, clock, flusher_),
      hold_(holds_of(options.retention), flusher_),
      room_({.retention = options.retention,
             .free_bytes_min = options.free_bytes_min,
             .free_bytes = std::move(options.free_bytes),
             .before_removal = [this](SegmentNo no) { return bound_.let_go_before(no); },
             .on_removed = std::move(options.on_removed)},
            directory_, identity_.segment_size) {}

Result<void> Writer::start(Lsn end, Lsn last_record, Lsn incomplete_to) {
  const Lsn written = std::max(end, incomplete_to);
  reader_.resume(end, last_record, written);
  open_output();
  TRY(flusher_.start(written));
  auto started = start_output(written, Leftover::kSetAside);
  note_positions();
  return started;
}

// Setting aside takes room, and so do zeros; old WAL may go for either as for new WAL.
Result<void> Writer::start_output(Lsn end, Leftover leftover) {
  for (;;) {
    auto started = output_->start(end, leftover);
    if (started || !runtime::is_full_disk(started.error())) return started;
    const bool went = TRY(room_.make_at_once(end));
    if (!went) return started;
  }
}

Result<void> Writer::start_empty(Lsn begin) {
  CHECK(identity_.segment_size.offset(begin) == 0);
  TRY(flusher_.start(begin));
  TRY(bound_.let_go_before(identity_.segment_size.segment_of(begin)));
  reader_.seek_first(begin);
  open_output();
  begin_ = begin;
  auto started = output_->start(begin, Leftover::kSetAside);
  note_positions();
  return started;
}

Result<void> Writer::add_history_file(TimelineId timeline, const std::string& text) {
  return runtime::replace_file(directory_.history_path(timeline), std::as_bytes(std::span(text)));
}

// Under its name the new segment is never seen without the part that standbys may have already. A
// file that has the name may be of another promotion, which came to nothing.
Result<void> Writer::prepare_timeline(TimelineId parent, TimelineId timeline) {
  const Lsn fork = proven();
  CHECK(flushed() == fork);
  const SegmentSize size = identity_.segment_size;
  if (size.offset(fork) == 0) return {};
  const SegmentNo no = size.segment_of(fork);
  const std::string path = directory_.segment_path(parent, no, size);
  const runtime::UniqueFd from = TRY(open_segment_file(path));
  const SetAside aside(directory_.path());
  TRY(aside.take_segment(timeline, no, size));
  TRY(aside.sync());
  return runtime::replace_file_by_copy(directory_.segment_path(timeline, no, size), from, path,
                                       size.offset(fork));
}

Result<void> Writer::follow_timeline() {
  const Lsn fork = proven();
  CHECK(end() == fork && flushed() == fork);
  reader_.seek(fork, reader_.previous_record());
  open_output();
  return start_output(fork, Leftover::kSetAside);
}

// WAL that was written before the disk was full is proven at once: the rest may be long in coming.
Result<void> Writer::write(std::span<const std::byte> wal) {
  const Lsn begin = end();
  auto appended = append(wal);
  tail_.note_stored(clock_.now());
  pages_.add(wal.first(end() - begin));
  auto proved = prove();
  pages_.let_go();
  note_positions();
  return proved ? std::move(appended) : std::move(proved);
}

// Segment by segment: before each, what is no longer kept goes, and may make the room for it.
Result<void> Writer::append(std::span<const std::byte> wal) {
  const SegmentSize size = identity_.segment_size;
  while (!wal.empty()) {
    const std::uint32_t offset = size.offset(end());
    if (offset == 0) TRY(room_.make_for_segment_at(end()));
    const auto piece = wal.first(std::min<std::size_t>(wal.size(), size.bytes() - offset));
    TRY(append_to_segment(piece));
    wal = wal.subspan(piece.size());
  }
  return {};
}

// One segment may go for one that does not fit. If that does not help at once, it may later.
Result<void> Writer::append_to_segment(std::span<const std::byte> wal) {
  const Lsn begin = end();
  auto appended = output_->append(wal);
  if (appended || !runtime::is_full_disk(appended.error())) return appended;
  const bool went = TRY(room_.make_at_once(end()));
  return went ? output_->append(wal.subspan(end() - begin)) : appended;
}

// The reader stops where the bytes that have come end. Wherever else it stops, the WAL is wrong.
Result<void> Writer::prove() {
  const Outcome outcome = reader_.advance();
  DCHECK(proven() <= end());
  if (outcome == Outcome::kEndOfWal && reader_.is_cut_short()) return {};
  if (const auto& problem = reader_.problem()) return *problem;
  const Fault fault = reader_.fault();
  return runtime::Error{.kind = &runtime::kDataCorrupted,
                        .what = format("invalid WAL received at {}: {}", fault.lsn, fault.what)};
}

// WAL that takes the place of durable WAL is not durable yet. A flusher that has failed stays as it
// is.
Result<void> Writer::take_back(Lsn from) {
  CHECK(!is_flushing());
  CHECK(proven() <= from && from <= end());
  if (auto failure = flush_failure()) return std::move(*failure);
  TRY(flusher_.start(std::min(from, flushed())));
  reader_.restart(from);
  auto taken_back = start_output(from, Leftover::kUnlinked);
  note_positions();
  return taken_back;
}

// A spool without a whole record has nothing that a start must find.
void Writer::request_flush() {
  const bool may_ask = !is_flushing() && !flush_failure();
  if (may_ask && proven() > begin_) {
    bound_.on_sync_asked(proven(), end(), tail_.timelines()->history);
  }
  flusher_.request(*output_);
}

void Writer::finish() {
  if (!output_) return;
  flusher_.finish(*output_);
  if (!flush_failure() && proven() > begin_) bound_.finish(proven());
}

void Writer::open_output() {
  output_.emplace(SegmentOutputOptions{.directory = directory_.path(),
                                       .timeline = tip(),
                                       .segment_size = identity_.segment_size,
                                       .synced_by = SyncedBy::kTaker});
}

// The hold follows what is proven, which a constructor of positions has found in order.
void Writer::note_positions() { hold_.set_proven(positions().proven()); }

}  // namespace server::wal
