#include "server/wal/writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wal/durable.h"
#include "server/wal/files.h"
#include "server/wal/names.h"

namespace server::wal {

using runtime::format;
using runtime::Result;

Writer::Writer(Options options, const runtime::Clock& clock, WalTail& tail,
               runtime::Doorbell& doorbell)
    : options_(std::move(options)),
      tail_(tail),
      reader_(options_.directory, options_.identity, clock, tail),
      flusher_(options_.directory, options_.identity.segment_size, clock, doorbell) {}

Result<void> Writer::start(Lsn end, Lsn last_record) {
  reader_.seek(end, last_record);
  open_output();
  TRY(output_->start(end));
  // What is there was proven, but a crash may have come before it was durable.
  TRY(sync_files(options_.directory));
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
    return runtime::Error{.kind = &kInvalidWal,
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
  const SegmentNo before = options_.identity.segment_size.segment_of(end());
  TRY(output_->append(wal));
  if (options_.identity.segment_size.segment_of(end()) != before) TRY(remove_old_segments());
  return prove();
}

// Whole records or whole pages have come, so whatever stops the reader before their end is wrong.
Result<void> Writer::prove() {
  const Outcome outcome = reader_.advance();
  if (outcome == Outcome::kEndOfWal && reader_.fault_lsn() >= end()) return {};
  if (const auto& problem = reader_.problem()) return *problem;
  const Fault fault = reader_.fault();
  return runtime::Error{.kind = &kInvalidWal,
                        .what = format("invalid WAL received at {}: {}", fault.lsn, fault.what)};
}

Result<void> Writer::rewind() { return output_->start(proven()); }

void Writer::request_flush() { flusher_.request(tip(), end()); }

void Writer::open_output() {
  output_.emplace(SegmentOutputOptions{.directory = options_.directory,
                                       .timeline = tip(),
                                       .segment_size = options_.identity.segment_size});
}

Result<void> Writer::remove_old_segments() {
  const SegmentSize size = options_.identity.segment_size;
  if (end().value() <= options_.wal_keep_bytes) return {};
  Lsn keep = end() - options_.wal_keep_bytes;
  const Lsn required = options_.required_lsn ? options_.required_lsn() : Lsn();
  if (required.valid()) keep = std::min(keep, required);
  const SegmentNo keep_from = size.segment_of(std::min(keep, flushed()));
  if (keep_from == removed_before_) return {};
  removed_before_ = keep_from;
  return remove_segments(options_.directory, size, keep_from);
}

}  // namespace server::wal
