#include "server/wal/reader.h"

#include <utility>

#include "runtime/check.h"

namespace server::wal {

Reader::Reader(std::string directory, const Identity& identity, const runtime::Clock& clock,
               WalTail& tail)
    : directory_(std::move(directory)), identity_(identity), clock_(clock), tail_(tail) {}

void Reader::seek(Lsn position, Lsn previous_record) {
  CHECK(tail_.timelines() != nullptr);
  searched_from_.reset();
  records_.reset();
  pages_.emplace(directory_.path(), tail_.timelines()->history, identity_.segment_size);
  records_.emplace(*pages_, identity_);
  records_->seek(position, previous_record);
  // What was published before ends here; of a cluster's very first position there is none.
  if (position.valid()) {
    end_segment_ = identity_.segment_size.segment_of(position - 1);
    end_file_ = find_file(end_segment_);
  }
}

void Reader::seek_first(Lsn segment_begin) {
  seek(segment_begin, Lsn());
  searched_from_ = segment_begin;
}

void Reader::resume(Lsn end, Lsn last_record) {
  const bool is_first = !last_record.valid() && identity_.segment_size.offset(end) == 0;
  is_first ? seek_first(end) : seek(end, last_record);
}

Outcome Reader::advance(Lsn limit) {
  pages_->forget();
  if (searched_from_.has_value()) {
    if (const Outcome found = records_->seek_first(*searched_from_); found != Outcome::kRecord) {
      return found;
    }
    if (records_->position() > limit) return Outcome::kEndOfWal;
    const Lsn begin = *std::exchange(searched_from_, std::nullopt);
    if (begin < records_->position()) publish(begin, /*record_count=*/0);
  }
  // A page that was read when the limit stopped us may have become longer since.
  if (stopped_by_limit_) records_->seek(records_->position(), records_->previous_record());
  Outcome outcome = Outcome::kRecord;
  while (outcome == Outcome::kRecord && records_->position() < limit) {
    const Lsn begin = records_->position();
    std::uint32_t count = 0;
    while (records_->position() - begin < kBatchBytes && records_->position() < limit &&
           (outcome = next_record(limit)) == Outcome::kRecord) {
      ++count;
    }
    if (count > 0) publish(begin, count);
  }
  stopped_by_limit_ = outcome == Outcome::kRecord;
  return outcome;
}

// One that ends behind the limit is not there yet.
Outcome Reader::next_record(Lsn limit) {
  const Lsn begin = records_->position();
  const Lsn previous = records_->previous_record();
  const Outcome outcome = records_->next();
  if (records_->position() <= limit) {
    if (outcome == Outcome::kRecord) note_xid(records_->record().xid);
    return outcome;
  }
  records_->seek(begin, previous);
  return Outcome::kEndOfWal;
}

void Reader::note_xid(TransactionId xid) {
  if (xid < kFirstNormalTransactionId) return;
  if (newest_xid_ == kInvalidTransactionId || follows_or_equals(xid, newest_xid_)) {
    newest_xid_ = xid;
  }
}

std::optional<FileId> Reader::find_file(SegmentNo no) const {
  const TimelineId timeline = tail_.timelines()->history.file_timeline(no, identity_.segment_size);
  return Segment::find(directory_.segment_path(timeline, no, identity_.segment_size));
}

// Somebody who copies a growing directory may put a longer file in the place of a shorter one. Who
// still has the shorter one open must not look for this WAL in it. Files are told apart after they
// were read, and before anybody is told to look for this WAL.
void Reader::publish(Lsn begin, std::uint32_t record_count) {
  const Lsn end = records_->position();
  const SegmentNo first = identity_.segment_size.segment_of(begin);
  const SegmentNo last = identity_.segment_size.segment_of(end - 1);
  const bool replaced =
      end_file_.has_value() && first == end_segment_ && find_file(first) != end_file_;
  end_segment_ = last;
  end_file_ = find_file(last);
  tail_.publish(begin, end, record_count, clock_.now(), replaced);
}

}  // namespace server::wal
