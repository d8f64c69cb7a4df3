#include "server/wal/writer.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/wal/durable.h"
#include "server/wal/names.h"

namespace server::wal {

using runtime::format;
using runtime::Result;

Writer::Writer(Options options, const runtime::Clock& clock, WalTail& tail,
               runtime::Doorbell& doorbell)
    : options_(std::move(options)),
      tail_(tail),
      reader_(options_.directory, options_.identity, clock, tail),
      flusher_(options_.directory, options_.identity.segment_size, clock, doorbell),
      retention_(options_.retention, options_.identity.segment_size) {}

Result<void> Writer::start(Lsn end, Lsn last_record) {
  reader_.resume(end, last_record);
  open_output();
  TRY(output_->start(end));
  flusher_.start(end);
  return {};
}

Result<void> Writer::start_empty(Lsn begin) {
  CHECK(options_.identity.segment_size.offset(begin) == 0);
  reader_.seek_first(begin);
  open_output();
  TRY(output_->start(begin));
  begin_ = begin;
  flusher_.start(begin);
  return {};
}

Result<void> Writer::add_history_file(TimelineId timeline, const std::string& text) {
  const std::string path = options_.directory + "/" + history_name(timeline);
  return write_file(path, std::as_bytes(std::span(text)));
}

// Under its name the new segment is never seen without the part that standbys may have already.
Result<void> Writer::prepare_timeline(TimelineId parent, TimelineId timeline) {
  const Lsn fork = proven();
  CHECK(flushed() == fork);
  const SegmentSize size = options_.identity.segment_size;
  if (size.offset(fork) == 0) return {};
  const auto path_on = [&](TimelineId of) {
    return options_.directory + "/" + segment_name(of, size.segment_of(fork), size);
  };
  const runtime::UniqueFd from = TRY(open_segment_file(path_on(parent)));
  std::vector<std::byte> beginning(size.offset(fork));
  if (TRY(read_at(from, path_on(parent), 0, beginning)) != beginning.size()) {
    return runtime::Error{.kind = &runtime::kDataCorrupted,
                          .what = format("file \"{}\" is too short", path_on(parent))};
  }
  return write_file(path_on(timeline), beginning);
}

Result<void> Writer::follow_timeline() {
  const Lsn fork = proven();
  reader_.seek(fork, reader_.previous_record());
  open_output();
  return output_->start(fork);
}

Result<void> Writer::write(std::span<const std::byte> wal) {
  TRY(append(wal));
  return prove();
}

// Segment by segment: before each, what is no longer kept goes, and may make the room for it.
Result<void> Writer::append(std::span<const std::byte> wal) {
  const SegmentSize size = options_.identity.segment_size;
  while (!wal.empty()) {
    const std::uint32_t offset = size.offset(end());
    if (offset == 0) {
      TRY(remove_old_segments());
      TRY(make_room());
    }
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
  if (appended || !is_full_disk(appended.error()) || options_.free_bytes_min == 0) return appended;
  const bool went = TRY(give_up_oldest_segment());
  return went ? output_->append(wal.subspan(end() - begin)) : appended;
}

// Whole records or whole pages have come, so whatever stops the reader before their end is wrong.
Result<void> Writer::prove() {
  const Outcome outcome = reader_.advance();
  if (outcome == Outcome::kEndOfWal && reader_.fault_lsn() >= end()) return {};
  if (const auto& problem = reader_.problem()) return *problem;
  const Fault fault = reader_.fault();
  return runtime::Error{.kind = &runtime::kDataCorrupted,
                        .what = format("invalid WAL received at {}: {}", fault.lsn, fault.what)};
}

// What takes the place of durable WAL is not durable yet. A flusher that has failed stays as it is.
Result<void> Writer::rewind() {
  CHECK(!is_flushing());
  if (auto failure = flush_failure()) return std::move(*failure);
  flusher_.start(std::min(flushed(), proven()));
  return output_->start(proven());
}

void Writer::request_flush() { flusher_.request(tip(), end()); }

void Writer::open_output() {
  output_.emplace(SegmentOutputOptions{.directory = options_.directory,
                                       .timeline = tip(),
                                       .segment_size = options_.identity.segment_size});
}

Result<void> Writer::remove_old_segments() {
  const SegmentNo keep_from = std::min(retention_.keep_from(end()), wanted_from());
  if (keep_from == removed_before_) return {};
  TRY(remove_before(keep_from));
  removed_before_ = keep_from;
  return {};
}

Result<void> Writer::remove_before(SegmentNo keep_from) {
  const SegmentSize size = options_.identity.segment_size;
  for (const SegmentNo no : TRY(remove_segments(options_.directory, size, keep_from))) {
    options_.on_removed(no);
  }
  return {};
}

// Before a new segment: wal_keep_size gives way to the free space that is asked for. What goes is
// counted, since a file system may need a while to have its room, and a segment that is still open
// somewhere even longer.
Result<void> Writer::make_room() {
  if (options_.free_bytes_min == 0) return {};
  const std::uint64_t segment_bytes = options_.identity.segment_size.bytes();
  const std::uint64_t wanted = options_.free_bytes_min + segment_bytes;
  std::uint64_t free = TRY(options_.free_bytes(options_.directory));
  if (free >= wanted) {
    if (gave_up_before_ <= removed_before_) gave_up_before_.reset();
    return {};
  }
  for (; free < wanted; free += segment_bytes) {
    const bool went = TRY(give_up_oldest_segment());
    if (went) continue;
    return runtime::system_error(
        ENOSPC, format("could not make room for a segment in \"{}\": {} bytes are free, "
                       "min_free_space is {}, and no old WAL may be removed",
                       options_.directory, free, options_.free_bytes_min));
  }
  return {};
}

// Returns whether one could go: none that a slot needs, none that is not durable, and neither the
// segment that is written next nor the one before it. It is said once until there is enough space
// for what wal_keep_size asks for.
Result<bool> Writer::give_up_oldest_segment() {
  const SegmentSize size = options_.identity.segment_size;
  const SegmentNo current = size.segment_of(end());
  const auto oldest = TRY(oldest_segment(options_.directory, size));
  if (!oldest || next(*oldest) >= current) return false;
  if (*oldest >= wanted_from() || is_needed(*oldest)) return false;
  if (!gave_up_before_) {
    runtime::log::log("removing WAL before {} for want of space, although wal_keep_size keeps it",
                      size.end(*oldest));
  }
  gave_up_before_ = next(*oldest);
  TRY(remove_before(*gave_up_before_));
  return true;
}

// By us: a record is proven from its begin on when it is whole, and what is synced has a name.
SegmentNo Writer::wanted_from() const {
  return options_.identity.segment_size.segment_of(std::min(flushed(), proven()));
}

// By a slot. Only when it seems so, slots are asked for more than they have said.
bool Writer::is_needed(SegmentNo no) const {
  return no >= retention_.needed_from(end()) && no >= retention_.settled_needed_from(end());
}

}  // namespace server::wal
