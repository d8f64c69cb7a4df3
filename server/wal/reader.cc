#include "server/wal/reader.h"

#include <utility>

#include "runtime/check.h"

namespace server::wal {

void Reader::seek(Lsn position, Lsn previous_record) {
  CHECK(tail_.timelines() != nullptr);
  searched_from_.reset();
  records_.reset();
  pages_.begin(tail_.timelines()->history, position);
  records_.emplace(pages_, identity_);
  records_->seek(position, previous_record);
}

void Reader::restart() {
  searched_from_.has_value() ? seek_first(*searched_from_) : seek(position(), previous_record());
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
  pages_.look_again();
  if (searched_from_.has_value()) {
    if (const Outcome found = records_->seek_first(*searched_from_); found != Outcome::kRecord) {
      return found;
    }
    if (records_->position() > limit) return Outcome::kEndOfWal;
    const Lsn begin = *std::exchange(searched_from_, std::nullopt);
    if (begin < records_->position()) publish(begin);
  }
  // A page that was read when the limit stopped us may have become longer since.
  if (stopped_by_limit_) records_->seek(records_->position(), records_->previous_record());
  Outcome outcome = Outcome::kRecord;
  while (outcome == Outcome::kRecord && records_->position() < limit) {
    const Lsn begin = records_->position();
    while (outcome == Outcome::kRecord && records_->position() - begin < kBatchBytes &&
           records_->position() < limit) {
      outcome = next_record(limit);
    }
    if (begin < records_->position()) publish(begin);
  }
  stopped_by_limit_ = outcome == Outcome::kRecord;
  return outcome;
}

// One that ends behind the limit is not there yet.
Outcome Reader::next_record(Lsn limit) {
  const Lsn begin = records_->position();
  const Lsn previous = records_->previous_record();
  const Outcome outcome = records_->next(limit);
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

void Reader::publish(Lsn begin) {
  const Lsn end = records_->position();
  const bool replaced = pages_.file_was_replaced(begin, end);
  tail_.publish(begin, end, clock_.now(), replaced);
}

}  // namespace server::wal
